import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatExact, formatNumber } from '../../format/numbers.ts'

/** A number of each adapter whose spread is worth seeing. */
export interface PoolQuantity {
  readonly id: string
  readonly label: string
  /** null where it is not known (yet). */
  readonly of: (row: AdapterRow) => number | null
  readonly logarithmic: boolean
  readonly write: (value: number) => string
}

const largest = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.max(...values))

/** What the histograms show, in their order. An adapter with several ranks or scalings counts with the largest. */
export const poolQuantities: readonly PoolQuantity[] = [
  {
    id: 'rank',
    label: 'Rank',
    of: (row) => largest(row.ranks),
    logarithmic: true,
    write: (value) => formatNumber(value, 3).replace(/\.?0+$/, ''),
  },
  { id: 'norm', label: 'Norm of the update', of: (row) => row.updateNorm, logarithmic: true, write: (value) => formatNumber(value, 3) },
  {
    id: 'effectiveRank',
    label: 'Effective rank',
    of: (row) => row.effectiveRank,
    logarithmic: false,
    write: (value) => formatNumber(value, 2),
  },
  {
    id: 'scaling',
    label: 'Scaling (alpha / rank)',
    of: (row) => largest(row.scaling),
    logarithmic: true,
    write: (value) => formatExact(Number(value.toPrecision(3))),
  },
  { id: 'size', label: 'Size of the file', of: (row) => row.sizeBytes, logarithmic: true, write: formatBytes },
]

/** The known numbers of a quantity. */
export function valuesOf(quantity: PoolQuantity, rows: readonly AdapterRow[]): readonly number[] {
  return rows.flatMap((row) => quantity.of(row) ?? [])
}
