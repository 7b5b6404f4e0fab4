import type { AdapterRow } from '../../../../src-main/contract/adapter.ts'

/** What every drawn cell gets. */
export interface CellProps {
  readonly row: AdapterRow
  readonly selected: boolean
  /** The norm at which the bar is full. */
  readonly normReference: number
}
