import type { AdapterDetail, AdapterRow } from '../contract/adapter.ts'
import { adapterVariants } from '../contract/adapter.ts'
import { formatBytes, formatNumber, formatTable } from './format.ts'

/** An adapter as the command line prints it in JSON: the fields that CONTRACT.md names, and the library's own beside them. */
export type AdapterObject = AdapterRow & Pick<AdapterDetail, 'lineage'>

/** Adapters as a table for people. */
export function adapterTable(rows: readonly AdapterRow[]): readonly string[] {
  const head = ['NAME', 'RANK', 'MODULES', 'DTYPE', 'SIZE', 'NORM', 'VARIANT', 'STATUS', 'ID']
  const lines = rows.map((row) => [
    row.name,
    row.ranks.join(','),
    row.targetModules.join(','),
    row.dtype ?? '-',
    formatBytes(row.sizeBytes),
    formatNumber(row.updateNorm),
    adapterVariants[row.variant].label,
    row.problems.length > 0 ? `${row.status} (${row.problems.length} ${row.problems.length === 1 ? 'remark' : 'remarks'})` : row.status,
    row.id,
  ])
  return formatTable([head, ...lines], [1, 4, 5])
}

/** Everything about one adapter for people. */
export function adapterFacts(adapter: AdapterDetail): readonly string[] {
  const { lineage } = adapter
  const facts: readonly (readonly [string, string | null])[] = [
    ['Name', adapter.name],
    ['Id', adapter.id],
    ['Status', adapter.status],
    ['Variant', `${adapterVariants[adapter.variant].label}: ${adapterVariants[adapter.variant].meaning}`],
    ['Base model', adapter.baseModelName],
    ['Rank', adapter.ranks.join(', ')],
    ['Alpha', adapter.alphas.map(String).join(', ')],
    ['Scaling', `${adapter.scaling.map(formatNumber).join(', ')}${adapter.useRslora ? ' (rank-stabilised)' : ''}`],
    ['Target modules', `${adapter.targetModules.join(', ')} in ${adapter.layers} layers`],
    ['Dtype', adapter.dtype],
    ['Size', formatBytes(adapter.sizeBytes)],
    ['Update norm', formatNumber(adapter.updateNorm)],
    ['Effective rank', adapter.effectiveRank === null ? null : formatNumber(adapter.effectiveRank)],
    ['Content hash', adapter.contentHash],
    ['Tensor hash', adapter.tensorHash],
    ['Licence', adapter.licence],
    ['Tags', adapter.tags.join(', ')],
    ['Tags of the card', (adapter.cardTags ?? []).join(', ')],
    ['Collections', adapter.collections.join(', ')],
    ['Notes', adapter.notes],
    ['Lies in', adapter.paths.join('\n')],
    ['Made by', lineage && `${lineage.method} of ${lineage.sources.map((source) => `${source.coefficient} × ${source.name}`).join(', ')}`],
    ['Same weights', adapter.sameWeights.map((other) => `${other.name} (${other.id})`).join(', ')],
    ['Used by', adapter.usedBy.map((other) => `${other.name} (${other.id})`).join(', ')],
    ['Outside the update', adapter.ignoredTensors.map((tensor) => `${tensor.name} [${tensor.shape.join(', ')}]`).join(', ')],
  ]
  return formatTable(facts.flatMap(([name, value]) => (value === null || value === '' ? [] : [[name, value]])))
}
