import type { MethodEntry } from '../contract/methods.ts'
import type { RankPlan } from './ranks.ts'
import type { FoundAdapter } from './find-adapters.ts'
import type { SharedModule } from './union-modules.ts'

/** How the adapters fit together, in words: first what differs and whether the result is exact, then details worth knowing. */
export function describeCompatibility(method: MethodEntry, modules: readonly SharedModule[], ranks: RankPlan): readonly string[] {
  const adapters = adaptersOf(modules)
  if (adapters.length === 0) return []
  const rankSets = distinct(
    adapters.map(({ detail }) =>
      distinct(detail.modules.map((module) => module.rank))
        .sort((a, b) => a - b)
        .join('+'),
    ),
  )
  const targetSets = distinct(
    adapters.map(({ detail }) =>
      detail.modules
        .map((module) => module.name)
        .sort()
        .join(' '),
    ),
  )
  const sameRank = rankSets.length === 1 ? `rank ${rankSets[0]}` : `${rankSets.length} ranks`
  const sameTargets = targetSets.length === 1 ? 'one set of target modules' : `${targetSets.length} sets of target modules`
  return [
    `${sameRank}, ${sameTargets}: ${exactness(method, ranks)}`,
    ...describeUnion(modules, adapters.length),
    ...describeScaling(adapters),
    ...describePadding(ranks),
  ]
}

/** Whether the written update is the one that was asked for. */
export function exactness(method: MethodEntry, ranks: RankPlan): string {
  if (method.family === 'clustering') return `${Math.max(0, ...ranks.kept)} means of clustered units, not the sum of the updates`
  if (method.actsOn === 'factors') return 'factor sums, not the sum of the updates'
  if (method.outputRank === 'sum') return 'exact'
  const cut = Math.max(0, ...ranks.kept)
  return ranks.cut ? `cut to rank ${cut}` : 'exact'
}

function describeUnion(modules: readonly SharedModule[], adapters: number): readonly string[] {
  const everywhere = modules.filter(({ contributions }) => contributingAdapters(contributions) === adapters).length
  return everywhere === modules.length
    ? []
    : [`${everywhere} of ${modules.length} modules are in every adapter; the others merge from those that have them`]
}

function contributingAdapters(contributions: SharedModule['contributions']): number {
  return new Set(contributions.map(({ adapter }) => adapter.index)).size
}

function describeScaling(adapters: readonly FoundAdapter[]): readonly string[] {
  const scalings = distinct(adapters.flatMap(({ detail }) => detail.modules.map((module) => module.scaling))).sort((a, b) => a - b)
  return scalings.length < 2 ? [] : [`scaling from ${round(scalings[0]!)} to ${round(scalings.at(-1)!)}, folded into the factors`]
}

function describePadding({ kept, written }: RankPlan): readonly string[] {
  const least = Math.min(...kept)
  return least === written ? [] : [`ranks from ${least} to ${Math.max(...kept)}, padded with zeros to ${written}`]
}

function adaptersOf(modules: readonly SharedModule[]): readonly FoundAdapter[] {
  return distinct(modules.flatMap(({ contributions }) => contributions.map(({ adapter }) => adapter)))
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
