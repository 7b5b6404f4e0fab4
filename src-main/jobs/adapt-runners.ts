import { createAdaptRunner } from './adapt-runner.ts'
import type { AdaptKind, AdaptServices, AdaptWork } from './adapt-types.ts'
import { runControl } from './control.ts'
import type { Runners } from './runner.ts'
import { runSearch } from './search.ts'
import { runSelect } from './select.ts'
import { runTrain } from './train.ts'
import { runTune } from './tune.ts'

const works: { readonly [K in AdaptKind]: AdaptWork } = {
  select: runSelect,
  tune: runTune,
  search: runSearch,
  train: runTrain,
  control: runControl,
}

/** The runners of all jobs of Adapt. */
export function createAdaptRunners(services: AdaptServices): Pick<Runners, AdaptKind> {
  return {
    select: createAdaptRunner(services, works.select),
    tune: createAdaptRunner(services, works.tune),
    search: createAdaptRunner(services, works.search),
    train: createAdaptRunner(services, works.train),
    control: createAdaptRunner(services, works.control),
  }
}
