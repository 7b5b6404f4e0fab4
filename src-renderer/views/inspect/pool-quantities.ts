import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import type { HistogramScale } from '../../charts/histogram.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatExact } from '../../format/numbers.ts'

/** A number of each adapter whose spread is worth seeing. */
export interface PoolQuantity {
  readonly id: string
  readonly label: string
  /** null where it is not known (yet). */
  readonly of: (row: AdapterRow) => number | null
  readonly scale: HistogramScale
  readonly write: (value: number) => string
}

const largest = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.max(...values))

/** Three significant figures, no padding. */
const exact = (value: number): string => formatExact(Number(value.toPrecision(3)))

/** What the histograms show, in their order. An adapter with several ranks or scalings counts with the largest. */
export const poolQuantities: readonly PoolQuantity[] = [
  { id: 'rank', label: 'Rank', of: (row) => largest(row.ranks), scale: 'log2', write: exact },
  { id: 'norm', label: 'Norm of the update', of: (row) => row.updateNorm, scale: 'log10', write: exact },
  { id: 'effectiveRank', label: 'Effective rank', of: (row) => row.effectiveRank, scale: 'linear', write: exact },
  { id: 'scaling', label: 'Scaling (alpha / rank)', of: (row) => largest(row.scaling), scale: 'log2', write: exact },
  { id: 'size', label: 'Size of the file', of: (row) => row.sizeBytes, scale: 'log10', write: formatBytes },
]

/** The known numbers of a quantity. */
export function valuesOf(quantity: PoolQuantity, rows: readonly AdapterRow[]): readonly number[] {
  return rows.flatMap((row) => quantity.of(row) ?? [])
}
