import { setTimeout } from 'node:timers/promises'
import * as v from 'valibot'
import type { MetricId } from '../contract/metrics.ts'
import type { CellCost } from '../contract/plan-run.ts'
import { Refusal } from '../contract/problems.ts'
import { evaluateInputSchema, type EvaluateInput } from '../contract/run.ts'
import { selectionIds } from '../contract/selection.ts'
import { resolveAdaptation } from '../jobs/adapt-resolve.ts'
import type { EvaluateResult } from '../jobs/evaluate.ts'
import { resolveEvaluation } from '../jobs/evaluate-resolve.ts'
import { nothingSpent } from '../plans/cell-cost.ts'
import { adaptInputOf } from '../plans/cell-input.ts'
import { followCellJob, stopIfAborted } from '../plans/follow-cell.ts'
import type { CellHooks, CellToRun, PlanServices } from '../plans/plan-services.ts'
import { strategies } from '../selection/index.ts'
import { takeLock } from './job-lock.ts'
import type { SharedFolder } from './shared-folder.ts'
import { giveScores, takeScores } from './share-scores.ts'

/** How often a job looks whether the one that scores has ended, and how often that one puts down what it has, in milliseconds. */
const waitMs = 3000
const giveMs = 20_000

/**
 * Scores the pool for a cell that chooses by it, unless the shared folder has the scores. Of several jobs one scores, the others wait for it: that takes no
 * longer than scoring themselves, and the machines are spared the work. Answers with what was spent here.
 */
export async function scoreOnce(
  toRun: CellToRun,
  shared: SharedFolder,
  services: PlanServices,
  hooks: CellHooks,
): Promise<CellCost['learning']> {
  const { library, evaluation } = services
  const { baseId } = toRun.plan
  const input = scoringOf(toRun, services)
  const task = input && library.tasks.get(input.tasks[0]!.taskId)
  const resolved = input && resolveEvaluation(input, evaluation).evaluation
  // What keeps it from being evaluated is said when the cell is run.
  if (!input || !task || !resolved) return nothingSpent
  const folder = shared.scores(task.hash)
  const [{ budget, metric }] = input.tasks as [EvaluateInput['tasks'][number]]
  const isKnown = (): boolean => resolved.keys.flat().every((key) => library.runs.byKey(key)?.finishedAt)
  for (;;) {
    stopIfAborted(hooks.signal)
    await takeScores(folder, { baseId, taskId: task.id, taskHash: task.hash }, library.runs)
    if (isKnown()) return nothingSpent
    const taken = await takeLock(shared.locks, `scores-${task.hash.slice(0, 12)}-${budget ?? 'all'}-${metric ?? task.metric}`)
    if ('lock' in taken) {
      try {
        // Another one may have ended between the look and the lock.
        await takeScores(folder, { baseId, taskId: task.id, taskHash: task.hash }, library.runs)
        return isKnown() ? nothingSpent : await score(input, folder, services, hooks)
      } finally {
        await taken.lock.release()
      }
    }
    hooks.report(`waiting for ${taken.heldBy.host}, which scores the pool`, 0, null)
    await setTimeout(waitMs, undefined, { signal: hooks.signal }).catch(() => stopIfAborted(hooks.signal))
  }
}

async function score(input: EvaluateInput, folder: string, services: PlanServices, hooks: CellHooks): Promise<CellCost['learning']> {
  const { queue, library } = services
  const { jobId } = queue.start('evaluate', input)
  if (jobId === null) return nothingSpent
  // Adapter by adapter it becomes worth keeping, should this process be killed.
  let giving: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    giving = giving.then(() => giveScores(folder, library.runs))
  }, giveMs)
  try {
    await followCellJob(jobId, services, { ...hooks, report: (stage, fraction, eta) => hooks.report(`scoring: ${stage}`, fraction, eta) })
  } catch (error) {
    // The cell finds the same, and says it as its own.
    if (!(error instanceof Refusal) || hooks.signal.aborted) throw error
  } finally {
    clearInterval(timer)
    await giving
    await giveScores(folder, library.runs)
  }
  const { computed } = ((await queue.get(jobId))?.result ?? { computed: null }) as Pick<EvaluateResult, 'computed'>
  return { tokens: computed?.tokens ?? 0, seconds: computed?.seconds ?? 0 }
}

/** The evaluation by which a cell chooses from the pool; null where it chooses by something else. The runs are those that choosing looks for. */
export function scoringOf(toRun: CellToRun, services: Pick<PlanServices, 'adapt'>): EvaluateInput | null {
  const input = adaptInputOf(toRun)
  const checked = input && resolveAdaptation(input, services.adapt).checked
  const id = checked && selectionIds.find((known) => known === checked.params['selection'])
  if (!checked || !id || checked.pool.length === 0) return null
  const { needs } = strategies[id]
  if (needs !== 'metric' && needs !== 'loss') return null
  // Where one's own takes the only place nobody is looked at.
  if (checked.params['ownFirst'] === true && Number(checked.params['k']) <= 1) return null
  const metric: MetricId = needs === 'loss' ? 'mean_loss' : checked.file.metric
  return v.parse(evaluateInputSchema, {
    baseId: toRun.plan.baseId,
    subjects: checked.pool.map(({ id: adapterId }) => ({ kind: 'adapter', adapterId, coefficient: 1 })),
    tasks: [{ taskId: input.taskId, split: 'train', budget: input.budget, metric }],
    purpose: 'score',
  })
}
