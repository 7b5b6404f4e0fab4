import type { CellResult } from '../contract/plan-run.ts'
import { metricOf } from '../contract/metrics.ts'
import { errorProblem, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import type { Outcome, Run, Subject } from '../contract/run.ts'
import type { EvaluateResult } from '../jobs/evaluate.ts'
import { nothingSpent, testCost, withTest } from './cell-cost.ts'
import { followCellJob } from './follow-cell.ts'
import { testInput } from './plan-tasks.ts'
import type { CellHooks, MadeCell, PlanServices } from './plan-services.ts'

/** A cell after its test examples were answered: its result, or why there is none. */
export interface MeasuredCell {
  readonly made: MadeCell
  readonly result: CellResult | null
  readonly problems: readonly Problem[]
}

/**
 * Answers the test examples: one job for each task, so that what its cells have in common is done once. Cells of a task must have the same examples, those
 * in `expected` where the plan has results already; one with others is refused. A subject that spoils the job for all is left out by measuring each alone.
 * Throws a Refusal only when it was stopped.
 */
export async function measureCells(
  made: readonly MadeCell[],
  services: PlanServices,
  hooks: CellHooks,
  expected: ReadonlyMap<string, readonly string[]> = new Map(),
): Promise<readonly MeasuredCell[]> {
  const measured: MeasuredCell[] = []
  for (const [task, cells] of Map.groupBy(made, ({ toRun }) => toRun.cell.task)) {
    const found = await measureTask(cells, services, hooks)
    const ids = expected.get(task) ?? found.find(({ result }) => result !== null)?.result?.exampleIds
    measured.push(...found.map((cell) => (ids ? withSameExamples(cell, ids) : cell)))
  }
  return measured
}

async function measureTask(cells: readonly MadeCell[], services: PlanServices, hooks: CellHooks): Promise<readonly MeasuredCell[]> {
  try {
    const { result, problems } = await evaluate(cells, services, hooks)
    const computed = result.computed ?? nothingSpent
    const spent = { tokens: computed.tokens / cells.length, seconds: computed.seconds / cells.length }
    const alone = await testCost(cells[0]!.toRun, result, services)
    return cells.map((made) => {
      const cell = measuredCell(made, result, problems, services)
      return cell.result ? { ...cell, result: { ...cell.result, cost: withTest(cell.result.cost, alone, spent) } } : cell
    })
  } catch (error) {
    if (!(error instanceof Refusal) || hooks.signal.aborted) throw error
    const [only] = cells
    if (cells.length === 1 && only) return [{ made: only, result: null, problems: error.problems }]
    const alone: MeasuredCell[] = []
    for (const made of cells) alone.push(...(await measureTask([made], services, hooks)))
    return alone
  }
}

async function evaluate(
  cells: readonly MadeCell[],
  services: PlanServices,
  hooks: CellHooks,
): Promise<{ readonly result: EvaluateResult; readonly problems: readonly Problem[] }> {
  const [{ toRun }] = cells as readonly [MadeCell, ...MadeCell[]]
  const { plan, cell } = toRun
  const subjects = cells.map(({ adapterId }): Subject => (adapterId === null ? { kind: 'base' } : { kind: 'adapter', adapterId, coefficient: 1 })) // prettier-ignore
  const input = testInput(plan, cell.task, subjects)
  const { jobId, problems } = services.queue.start('evaluate', input)
  if (jobId === null) throw new Refusal(problems)
  const job = await followCellJob(jobId, services, {
    signal: hooks.signal,
    started: () => undefined,
    report: (stage, fraction, eta) => hooks.report(`testing: ${stage}`, fraction, eta),
  })
  const detail = await services.queue.get(jobId)
  return { result: detail?.result as EvaluateResult, problems: job.problems }
}

function measuredCell(made: MadeCell, found: EvaluateResult, problems: readonly Problem[], services: PlanServices): MeasuredCell {
  const { library } = services
  const key = subjectKey(made, library)
  const runs = found.runs.flatMap((id) => library.runs.get(id) ?? [])
  const run = runs.find(({ subject }) => subject.key === key)
  if (!run || run.done < run.n || run.n === 0) return { made, result: null, problems: [notAnswered(made, run), ...problems] }
  const { rows } = library.runs.outcomes({ runId: run.id, other: null, filter: 'all', text: '', offset: 0, limit: run.n })
  const outcomes = rows.map(({ here }) => here)
  const unanswered = outcomes.filter(({ value }) => value === null)
  if (unanswered.length > 0 && metricOf(run.metric).direction === 'lower')
    return { made, result: null, problems: [...problems, withoutValue(unanswered, outcomes.length, true)] }
  const said = problems.filter(({ where, severity }) => severity === 'warning' || where?.value === run.subject.label)
  return {
    made,
    problems: [],
    result: {
      ...made.result,
      finishedAt: services.now().toISOString(),
      exampleIds: outcomes.map(({ exampleId }) => exampleId),
      values: outcomes.map(({ value }) => value ?? 0),
      predictions: outcomes.map(({ prediction }) => prediction),
      provenance: { ...made.result.provenance, run: run.id },
      problems: [
        ...made.result.problems,
        ...said.map((problem): Problem => ({ ...problem, severity: 'warning' })),
        ...(unanswered.length > 0 ? [withoutValue(unanswered, outcomes.length, false)] : []),
      ],
    },
  }
}

function subjectKey({ adapterId }: MadeCell, { adapters }: PlanServices['library']): string {
  return adapterId === null ? 'base' : `adapter:${adapters.get(adapterId)?.contentHash ?? adapterId}@1`
}

function withSameExamples(cell: MeasuredCell, ids: readonly string[]): MeasuredCell {
  const own = cell.result?.exampleIds
  if (!own || (own.length === ids.length && own.every((id, index) => id === ids[index]))) return cell
  const problem = errorProblem('examples-differ', `${cell.made.toRun.cell.id} answered other test examples than the arms before it.`, {
    where: { field: 'arms', value: cell.made.toRun.cell.arm.id },
    hint: 'The task changed since then: run all arms of this task again.',
  })
  return { made: cell.made, result: null, problems: [problem] }
}

function notAnswered({ toRun }: MadeCell, run: Run | undefined): Problem {
  const message = run
    ? `Only ${run.done} of ${run.n} test examples of ${toRun.cell.task} were answered.`
    : `No test example of ${toRun.cell.task} was answered.`
  return errorProblem('cells-failed', message, { where: { value: toRun.cell.id } })
}

function withoutValue(unanswered: readonly Outcome[], all: number, isRefused: boolean): Problem {
  const message = `${unanswered.length} of ${all} test examples have no answer (${unanswered[0]?.problem ?? 'no reason known'})`
  return isRefused
    ? errorProblem('cells-failed', `${message}, and a loss cannot be taken as 0.`)
    : warningProblem('cells-failed', `${message}; they count as 0.`)
}
