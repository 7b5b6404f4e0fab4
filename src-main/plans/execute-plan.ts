import type { PlanCell } from '../contract/plan-run.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { expandPlan, type Cell } from './expand-plan.ts'
import { measureCells } from './measure-cells.ts'
import type { PlanMeter } from './plan-meter.ts'
import type { CellHooks, CellToRun, MadeCell, PlanServices, ResolvedPlan } from './plan-services.ts'
import { planTask } from './plan-tasks.ts'
import { makeCell } from './run-cell.ts'

/** One run of a plan. */
export interface Execution {
  readonly planId: string
  readonly plan: ResolvedPlan
  /** Ids of the cells that are run. */
  readonly open: ReadonlySet<string>
  /** Nothing that was made before is taken again. */
  readonly again: boolean
  readonly signal: AbortSignal
  readonly meter: PlanMeter
}

/**
 * Runs the open cells of a plan, task by task: makes the adapters one after the other, the own LoRA before what needs it, then answers the test examples of
 * all in one job. A cell that fails is marked and the others go on. Ends early, with its cells waiting again, when it is to stop.
 */
export async function executePlan(execution: Execution, services: PlanServices): Promise<void> {
  const { planId, plan, open, signal } = execution
  const cells = expandPlan(plan.file)
  try {
    for (const task of plan.file.tasks) {
      const wanted = cells.filter((cell) => cell.task === task && open.has(cell.id))
      if (signal.aborted) break
      if (wanted.length > 0) await runTask(task, wanted, execution, services)
    }
  } catch (error) {
    if (!signal.aborted || !(error instanceof Refusal)) throw error
  } finally {
    for (const { id, state } of services.library.plans.cells(planId)) {
      if (state === 'running') services.library.plans.patchCell(planId, id, { state: 'waiting' })
    }
    services.emitPlan(planId)
  }
}

async function runTask(task: string, wanted: readonly Cell[], execution: Execution, services: PlanServices): Promise<void> {
  const { planId, signal } = execution
  const refused = await keepTask(task, wanted, execution, services)
  if (refused) {
    for (const { id } of wanted) fail(planId, id, [refused], services)
    return
  }
  const made: MadeCell[] = []
  for (const [index, cell] of wanted.entries()) {
    const later = wanted.slice(index + 1).map(kindOf)
    const found = await makeOne(cell, made, [...later, 'test'], execution, services)
    if (found) made.push(found)
    if (signal.aborted) return
  }
  await measure(made, execution, services)
}

/** Keeps the test examples of a task with the plan; refused where they are others than those that results of the plan stand on. */
async function keepTask(task: string, wanted: readonly Cell[], execution: Execution, services: PlanServices): Promise<Problem | null> {
  const { plans } = services.library
  const { planId, plan, signal } = execution
  try {
    const now = await planTask(plan, task, services, signal)
    const known = plans.task(planId, task)
    const kept = plans
      .cells(planId)
      .filter((cell) => cell.task === task && cell.state === 'done' && wanted.every(({ id }) => id !== cell.id))
    if (known && known.hash !== now.hash && kept.length > 0) return taskChanged(task, kept.length)
    plans.setTask(planId, now)
    return null
  } catch (error) {
    if (!(error instanceof Refusal) || signal.aborted) throw error
    return error.problems[0] ?? null
  }
}

async function makeOne(
  cell: Cell,
  made: readonly MadeCell[],
  later: readonly string[],
  { planId, plan, again, signal, meter }: Execution,
  services: PlanServices,
): Promise<MadeCell | null> {
  const { plans } = services.library
  const stored = plans.cells(planId)
  const known = stored.find(({ id }) => id === cell.id)?.jobId ?? null
  const ownId = ownOf(cell, made, stored)
  if (cell.needs.length > 0 && ownId === null) {
    plans.patchCell(planId, cell.id, { state: 'left', problems: [needFailed(cell)] })
    services.emitPlan(planId)
    return null
  }
  plans.patchCell(planId, cell.id, { state: 'running', problems: [], ...(again && { jobId: null, adapterId: null, adapterName: null }) })
  meter.begin(cell.id, kindOf(cell), later)
  const toRun: CellToRun = { plan, cell, ownId }
  const hooks: CellHooks = {
    signal,
    started: (jobId) => plans.patchCell(planId, cell.id, { jobId }),
    report: meter.report,
  }
  try {
    const found = await makeCell(toRun, services, hooks, again ? null : known)
    meter.end()
    plans.patchCell(planId, cell.id, { jobId: found.jobId, adapterId: found.adapterId, adapterName: found.result.adapter?.name ?? null })
    services.emitPlan(planId)
    return found
  } catch (error) {
    if (signal.aborted) throw error
    fail(planId, cell.id, problemsOf(error), services)
    return null
  }
}

async function measure(made: readonly MadeCell[], execution: Execution, services: PlanServices): Promise<void> {
  if (made.length === 0) return
  const { plans } = services.library
  const { planId, signal, meter } = execution
  meter.begin(null, 'test', [])
  const task = made[0]!.toRun.cell.task
  const again = new Set(made.map(({ result }) => result.cell))
  const others = plans.cells(planId).filter((cell) => cell.task === task && cell.state === 'done' && !again.has(cell.id))
  const values = others[0] ? plans.values(planId, [others[0].id]).get(others[0].id) : undefined
  const expected = new Map(values ? [[task, values.exampleIds]] : [])
  const hooks: CellHooks = { signal, started: () => undefined, report: meter.report }
  for (const { made: cell, result, problems } of await measureCells(made, services, hooks, expected)) {
    if (result) plans.setResult(planId, result, { adapterId: cell.adapterId, jobId: cell.jobId })
    else fail(planId, cell.result.cell, problems, services)
  }
  meter.end()
  services.emitPlan(planId)
}

/** The own LoRA of a cell: made just now, or by an earlier run. */
function ownOf({ needs: [need] }: Cell, made: readonly MadeCell[], stored: readonly PlanCell[]): string | null {
  if (need === undefined) return null
  const now = made.find(({ result }) => result.cell === need)
  const before = stored.find(({ id, state }) => id === need && state === 'done')
  return now?.adapterId ?? before?.adapterId ?? null
}

function fail(planId: string, cell: string, problems: readonly Problem[], { library, emitPlan }: PlanServices): void {
  library.plans.patchCell(planId, cell, { state: 'failed', problems: [...problems] })
  emitPlan(planId)
}

/** What a person is told of what a cell threw. A job keeps its own log of defects; what else goes wrong is said in full. */
function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof Refusal) return error.problems
  return [errorProblem('internal', `This part of the plan failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`)]
}

/** What cells of one kind have in common as far as time goes. */
function kindOf({ arm }: Cell): string {
  return arm.kind === 'control' ? arm.control : arm.kind
}

function needFailed({ needs }: Cell): Problem {
  return errorProblem('own-missing', `Not run: the own LoRA that it needs (${needs.join(', ')}) could not be trained.`, {
    hint: 'Run that part again, then this one.',
  })
}

function taskChanged(task: string, kept: number): Problem {
  return errorProblem('examples-differ', `${task} changed since ${kept} other parts of the plan were measured on it.`, {
    where: { field: 'tasks', value: task },
    hint: 'Run all parts of this task again, or start the plan anew.',
  })
}
