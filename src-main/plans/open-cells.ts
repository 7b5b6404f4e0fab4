import type { PlanCell } from '../contract/plan-run.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'

/** What it takes to tell whether a cell is open. */
export type OpenCell = Pick<PlanCell, 'id' | 'needs' | 'state' | 'adapterId'>

/**
 * The cells that a run of a plan is about: those named (all that are not done when none is); done ones only with `again`. Cells whose adapter an open one
 * needs and that is not there are among them too.
 */
export function openCells(
  cells: readonly OpenCell[],
  named: readonly string[],
  again: boolean,
  hasAdapter: (cell: OpenCell) => boolean,
): { readonly open: ReadonlySet<string>; readonly problems: readonly Problem[] } {
  const unknown = named.filter((id) => cells.every((cell) => cell.id !== id))
  if (unknown.length > 0) return { open: new Set(), problems: unknown.map((id) => unknownCell(id, cells)) }
  const wanted = cells.filter(({ id, state }) => (named.length === 0 || named.includes(id)) && (again || state !== 'done'))
  const needed = new Set(wanted.flatMap(({ needs }) => needs))
  const missing = cells.filter((cell) => needed.has(cell.id) && (cell.state !== 'done' || !hasAdapter(cell)))
  return { open: new Set([...wanted, ...missing].map(({ id }) => id)), problems: [] }
}

function unknownCell(id: string, cells: readonly OpenCell[]): Problem {
  return errorProblem('parameter-invalid', `The plan has no part "${id}".`, {
    where: { field: 'cells', value: id },
    allowed: cells.slice(0, 20).map((cell) => cell.id),
  })
}
