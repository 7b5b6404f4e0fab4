import { max } from 'd3-array'
import type { CoefficientTable } from '../../src-main/contract/adapt.ts'
import { formatSigned } from '../format/numbers.ts'
import type { ChartTable } from './chart-table.ts'
import { divergingSteps } from './ramp-colours.svelte.ts'
import { compareKinds } from './update-norm-by-layer.ts'

export interface CoefficientCell {
  readonly row: number
  readonly column: number
  /** Step of the diverging ramp; the middle is 0. */
  readonly step: number
  readonly text: string
}

export interface CoefficientMap {
  /** Module names without what all of them share. */
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  readonly cells: readonly CoefficientCell[]
  /** Magnitude at the ends of the ramp. */
  readonly reach: number
}

/** Modules down, adapters across; equal steps of the ramp to both sides of 0. */
export function layOutCoefficients(table: CoefficientTable): CoefficientMap {
  const { modules, adapters, values } = inBlockOrder(table)
  const reach = max(values, (row) => max(row, (value) => Math.abs(value ?? 0))) ?? 0
  const middle = (divergingSteps - 1) / 2
  const rows = modules.map(shortModule)
  const columns = adapters.map(({ name }) => name)
  return {
    rows,
    columns,
    reach,
    cells: values.flatMap((row, index) =>
      row.flatMap((value, column): CoefficientCell[] =>
        value === null
          ? []
          : [
              {
                row: index,
                column,
                step: reach === 0 ? middle : Math.round(middle + (value / reach) * middle),
                text: `${columns[column] ?? ''} in ${rows[index] ?? ''}: ${formatSigned(value, 3)}`,
              },
            ],
      ),
    ),
  }
}

/** What the coefficients say at a glance. */
export function coefficientFinding({ adapters, values, shares }: CoefficientTable): string {
  if (shares) {
    const most = shares.reduce((best, share, index) => (share > (shares[best] ?? 0) ? index : best), 0)
    return `${adapters[most]?.name ?? 'none'} gives the largest share of the update, ${Math.round(100 * (shares[most] ?? 0))} %`
  }
  const known = values.flat().filter((value) => value !== null)
  return `${known.length} coefficients of ${adapters.length} ${adapters.length === 1 ? 'adapter' : 'adapters'}`
}

export function coefficientTableOf(table: CoefficientTable): ChartTable {
  const { modules, adapters, values } = inBlockOrder(table)
  return {
    columns: [{ label: 'module', numeric: false }, ...adapters.map(({ name }) => ({ label: name, numeric: true }))],
    rows: modules.map((name, row) => [name, ...(values[row] ?? [])]),
  }
}

/** The rows layer by layer, within one in the order of a block; what lies outside the layers comes last. */
function inBlockOrder({ modules, values, ...rest }: CoefficientTable): CoefficientTable {
  const rows = modules.map((name, index) => ({ name, values: values[index] ?? [], place: placeOf(name) }))
  rows.sort(
    ({ place: left, name }, { place: right, name: other }) =>
      left.layer - right.layer || compareKinds(left.kind, right.kind) || name.localeCompare(other),
  )
  return { ...rest, modules: rows.map(({ name }) => name), values: rows.map((row) => row.values) }
}

function placeOf(name: string): { readonly layer: number; readonly kind: string } {
  const found = /layers\.(\d+)\.(?:.*\.)?([^.]+)$/.exec(name)
  return { layer: found ? Number(found[1]) : Infinity, kind: found?.[2] ?? name }
}

/** "3 q_proj" for model.layers.3.self_attn.q_proj; other names stay as they are. */
export function shortModule(name: string): string {
  const { layer, kind } = placeOf(name)
  return Number.isFinite(layer) ? `${layer} ${kind}` : name
}
