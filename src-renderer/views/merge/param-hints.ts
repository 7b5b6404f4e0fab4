import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import type { MethodEntry } from '../../../src-main/contract/methods.ts'
import type { ParamSpec } from '../../../src-main/contract/params.ts'
import type { MergePreview } from '../../../src-main/contract/recipe.ts'
import type { ParamHint, ParamPreset } from '../../forms/param-hint.ts'

/** What the form can know of a method's parameters from its sources. */
export interface HintSources {
  /** The library's rows of the lines, in their order; undefined where the library does not know one. */
  readonly rows: readonly (AdapterRow | undefined)[]
  /** The newest preview of exactly these sources, if there is one. */
  readonly estimate: MergePreview['estimate']
  /** The rank that a preview with the number of clusters left to the recipe came to; null where there is none. */
  readonly automaticRank?: number | null
}

/** Hints of every parameter that has one, by id. */
export function paramHints(method: MethodEntry, sources: HintSources): Readonly<Record<string, ParamHint>> {
  return Object.fromEntries(method.params.flatMap((spec) => hintOf(method, spec, sources).map((hint) => [spec.id, hint] as const)))
}

function hintOf(method: MethodEntry, spec: ParamSpec, sources: HintSources): readonly ParamHint[] {
  if ((spec.kind !== 'number' && spec.kind !== 'integer') || spec.per !== 'recipe') return []
  const mean = meanRank(sources.rows) ?? (isClusterCount(method, spec) ? (sources.automaticRank ?? null) : null)
  const automatic = spec.automatic === undefined || mean === null ? null : spec.kind === 'integer' ? Math.round(mean) : mean
  // The parameter that is the rank of the result reaches from one unit to all of them (lego-lori.md 1.8).
  const pool = isClusterCount(method, spec) ? poolSize(sources) : null
  if (pool === null || pool < 2) return spec.automatic === undefined ? [] : [{ automatic }]
  return [{ automatic, range: { from: spec.min ?? 1, to: pool }, presets: clusterPresets(automatic, pool) }]
}

function isClusterCount(method: MethodEntry, spec: ParamSpec): boolean {
  return method.outputRank === 'k' && spec.id === 'k'
}

/** Mean of the adapters' ranks; null where one is not known or has several. */
export function meanRank(rows: readonly (AdapterRow | undefined)[]): number | null {
  const ranks = rows.map((row) => (row?.ranks.length === 1 ? (row.ranks[0] as number) : null))
  if (ranks.length === 0 || ranks.some((rank) => rank === null)) return null
  return ranks.reduce<number>((sum, rank) => sum + (rank ?? 0), 0) / ranks.length
}

/** Rank units of all adapters in the module that has most of them; null where that is not known. */
export function poolSize({ rows, estimate }: HintSources): number | null {
  if (estimate) return estimate.rankSum
  const largest = rows.map((row) => (row && row.ranks.length > 0 ? Math.max(...row.ranks) : null))
  if (largest.length === 0 || largest.some((rank) => rank === null)) return null
  return largest.reduce<number>((sum, rank) => sum + (rank ?? 0), 0)
}

function clusterPresets(rank: number | null, pool: number): readonly ParamPreset[] {
  const presets: readonly ParamPreset[] = [
    ...(rank === null || rank >= pool
      ? []
      : [{ label: 'r', value: rank, meaning: 'The mean rank of the adapters: the result costs as much as one of them.' }]),
    { label: 'P/2', value: Math.ceil(pool / 2), meaning: 'Half of all rank units: two of them share a cluster on average.' },
    {
      label: 'P',
      value: pool,
      meaning: 'Every rank unit its own cluster: the exact weighted sum, times the square root of r/P where output reweighting is on.',
    },
  ]
  // Two that fall on one number are one choice with both names.
  return [...new Set(presets.map((preset) => preset.value))].map((value) => {
    const same = presets.filter((preset) => preset.value === value)
    return { label: same.map((preset) => preset.label).join(', '), value, meaning: same.map((preset) => preset.meaning).join('\n') }
  })
}
