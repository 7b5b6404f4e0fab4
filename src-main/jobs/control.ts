import type { ControlId } from '../contract/controls.ts'
import type { AdaptWork } from './adapt-types.ts'
import { runBestSingle } from './control-best.ts'
import { runOwnAlone, runZeroCoefficients } from './control-checks.ts'
import { runTrain } from './train.ts'
import { runTune } from './tune.ts'

/** What each control does. Those of an arm run as that arm does: the values that they fix are among the parameters already. */
const works: { readonly [K in ControlId]: AdaptWork } = {
  random_parameters: runTune,
  random_parameters_with_own: runTune,
  random_adapters: runTune,
  random_adapters_with_own: runTune,
  retuned_own: runTune,
  own_dropout: runTrain,
  shuffled_labels: runTrain,
  best_single: runBestSingle,
  zero_coefficients: runZeroCoefficients,
  own_alone: runOwnAlone,
}

/** An arm with something taken away. */
export const runControl: AdaptWork = (adaptation, services, context) => {
  const id = adaptation.input.control
  if (id === null) throw new Error('a job of kind control without a control')
  return works[id](adaptation, services, context)
}
