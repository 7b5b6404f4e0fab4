import { adapterVariants, isMergeable, type AdapterRow } from '../../../src-main/contract/adapter.ts'
import { formatExact, formatNorm, formatValues } from '../../format/numbers.ts'
import { lastPart, plural } from '../../format/words.ts'

/** The facts of an adapter that matter for a merge, for one line under its name. */
export function factsOf(row: AdapterRow): readonly string[] {
  return [
    `rank ${formatValues(row.ranks)}`,
    `scaling ${formatValues(row.scaling.map((scaling) => Math.round(scaling * 1000) / 1000))}`,
    plural(row.targetModules.length, 'module'),
    row.baseModelName === null ? 'no base named' : lastPart(row.baseModelName),
  ]
}

/** The same in full, for hover and focus. */
export function factsInFull(row: AdapterRow): string {
  return [
    `rank ${row.ranks.map(formatExact).join(', ')}`,
    `alpha ${row.alphas.map(formatExact).join(', ')}`,
    `scaling ${row.scaling.map(formatExact).join(', ')}`,
    `modules ${row.targetModules.join(', ')}`,
    `norm of the update ${formatNorm(row.updateNorm)}`,
    `base model ${row.baseModelName ?? 'not named'}`,
  ].join('\n')
}

/** Why an adapter cannot be merged now; empty when it can. */
export function whyNot(row: AdapterRow): string {
  if (isMergeable(row)) return ''
  if (row.status === 'checking') return 'still being checked'
  if (row.status === 'missing') return 'its files are missing'
  if (row.status === 'refused') return 'refused'
  return adapterVariants[row.variant].label
}
