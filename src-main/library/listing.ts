import type { AdapterModule, AdapterVariant } from '../contract/adapter.ts'
import { hasError, type Problem } from '../contract/problems.ts'
import type { AdapterFacts } from './adapter-facts.ts'
import { createHeaderMemo, type HeaderMemo } from './header-memo.ts'
import { packModules } from './pack-modules.ts'
import type { Stamp } from './read-file.ts'

/** The facts of one adapter as the tables keep them: plain values and JSON texts, cheap to hand from one thread to another. */
export interface Listing {
  readonly folder: string
  readonly weightsPath: string | null
  readonly stamp: Stamp
  readonly name: string
  readonly baseModelName: string | null
  /** JSON lists of distinct values. */
  readonly ranks: string
  readonly alphas: string
  readonly scaling: string
  readonly targetModules: string
  readonly layers: number
  readonly maxRank: number | null
  readonly maxScaling: number | null
  readonly dtype: string | null
  readonly sizeBytes: number
  readonly variant: AdapterVariant
  readonly useRslora: boolean
  readonly licence: string | null
  readonly modules: string
  readonly ignoredTensors: string
  readonly cardTags: string
  readonly config: string | null
  readonly problems: readonly Problem[]
  readonly refused: boolean
  readonly screens: string
}

/** Facts in the form of the tables. Modules that `memo` has seen are summed up once. */
export function listingOf(facts: AdapterFacts, memo: HeaderMemo = createHeaderMemo()): Listing {
  const { folder, weightsPath, stamp, name, baseModelName, sizeBytes, variant, useRslora, licence, config, problems } = facts
  return {
    ...memo.derived(facts.modules, 'summary', () => sumUp(facts.modules)),
    ...{ folder, weightsPath, stamp, name, baseModelName, sizeBytes, variant, useRslora, licence, config, problems },
    ignoredTensors: JSON.stringify(facts.ignoredTensors),
    cardTags: JSON.stringify(facts.cardTags),
    refused: hasError(problems),
    screens: JSON.stringify(facts.screens),
  }
}

type Summary = Pick<Listing, 'ranks' | 'alphas' | 'scaling' | 'targetModules' | 'layers' | 'maxRank' | 'maxScaling' | 'dtype' | 'modules'>

function sumUp(modules: readonly AdapterModule[]): Summary {
  const ranks = new Set<number>()
  const alphas = new Set<number>()
  const scaling = new Set<number>()
  const targets = new Set<string>()
  const layers = new Set<number>()
  const dtypes = new Set<string>()
  for (const module of modules) {
    ranks.add(module.rank)
    alphas.add(module.alpha)
    scaling.add(module.scaling)
    targets.add(module.moduleKind)
    dtypes.add(module.dtype)
    if (module.layer !== null) layers.add(module.layer)
  }
  return {
    ranks: ascending(ranks),
    alphas: ascending(alphas),
    scaling: ascending(scaling),
    targetModules: JSON.stringify([...targets].sort()),
    layers: layers.size,
    maxRank: largest(ranks),
    maxScaling: largest(scaling),
    dtype: dtypes.size === 0 ? null : [...dtypes].sort().join(', '),
    modules: packModules(modules),
  }
}

function ascending(values: ReadonlySet<number>): string {
  return JSON.stringify([...values].sort((left, right) => left - right))
}

function largest(values: ReadonlySet<number>): number | null {
  return values.size === 0 ? null : Math.max(...values)
}
