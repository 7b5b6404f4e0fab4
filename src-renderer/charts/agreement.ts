import type { Agreement } from '../../src-main/contract/comparison.ts'
import { formatPercent } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import { labelOf, type ChartArm } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import type { ValueCell } from './value-cells.ts'

/** Examples that all of `right` get right and all of `wrong` get wrong. */
export interface ExampleSets {
  readonly right: readonly string[]
  readonly wrong: readonly string[]
}

export interface AgreementCell extends ValueCell {
  /** The examples that it counts. */
  readonly sets: ExampleSets
}

type Shown = 'both' | 'onlyRow'

/** Cells in the order of the agreement's arms; a share of its examples each. On the diagonal what the arm gets right; with onlyRow nothing. */
export function agreementCells(agreement: Agreement, arms: readonly ChartArm[], show: Shown): readonly AgreementCell[] {
  const { n } = agreement
  const share = (count: number): number => (n === 0 ? 0 : count / n)
  return agreement.arms.flatMap((rowArm, row) =>
    agreement.arms.flatMap((columnArm, column): AgreementCell[] => {
      if (show === 'onlyRow' && row === column) return []
      const count = (show === 'both' ? agreement.both : agreement.onlyRow)[row]?.[column] ?? 0
      const [one, other] = [labelOf(arms, rowArm), labelOf(arms, columnArm)]
      const words =
        row === column
          ? `${one} is right on`
          : show === 'both'
            ? `${one} and ${other} are both right on`
            : `${one} is right and ${other} is wrong on`
      return [
        {
          row,
          column,
          value: share(count),
          number: String(count),
          text: `${words} ${count} of ${plural(n, 'example')} (${formatPercent(share(count))})`,
          strong: row === column,
          sets: show === 'both' ? { right: [...new Set([rowArm, columnArm])], wrong: [] } : { right: [rowArm], wrong: [columnArm] },
        },
      ]
    }),
  )
}

/** The pair that says most: the most examples that one arm gets and another does not, or the pair that is most often right together. */
export function agreementFinding(agreement: Agreement, arms: readonly ChartArm[], show: Shown): string {
  if (agreement.n === 0 || agreement.arms.length < 2) return 'Two arms with the same test examples are needed'
  const cells = agreementCells(agreement, arms, show).filter(({ row, column }) => row !== column)
  const most = cells.reduce((best, cell) => (cell.value > best.value ? cell : best))
  const [one, other] = [agreement.arms[most.row] ?? '', agreement.arms[most.column] ?? ''].map((id) => labelOf(arms, id))
  return show === 'both'
    ? `${one} and ${other} are most often right together: ${most.number} of ${plural(agreement.n, 'example')}`
    : `${one} gets ${most.number} of ${plural(agreement.n, 'example')} right that ${other} gets wrong`
}

/** Every pair with its four counts. */
export function agreementTable(agreement: Agreement, arms: readonly ChartArm[]): ChartTable {
  const { n, right, both, onlyRow } = agreement
  return {
    columns: [
      { label: 'arm', numeric: false },
      { label: 'other arm', numeric: false },
      ...['both right', 'only the arm', 'only the other', 'neither', 'arm right', 'n'].map((label) => ({ label, numeric: true })),
    ],
    rows: agreement.arms.flatMap((one, row) =>
      agreement.arms.flatMap((other, column) => {
        if (row === column) return []
        const [together, here, there] = [both[row]?.[column] ?? 0, onlyRow[row]?.[column] ?? 0, onlyRow[column]?.[row] ?? 0]
        return [[labelOf(arms, one), labelOf(arms, other), together, here, there, n - together - here - there, right[row] ?? 0, n]]
      }),
    ),
  }
}
