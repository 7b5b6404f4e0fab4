import { Worker } from 'node:worker_threads'
import { errorProblem } from '../contract/problems.ts'
import type { PlanStore, StoredPlan } from '../library/plan-types.ts'
import type { Log } from '../platform/log.ts'
import { workerFile } from '../platform/worker-file.ts'
import { baselineOf, comparePlan, comparisonKey, headlineOf, type PlanComparison } from './compare-plan.ts'
import type { PlanOutcomes } from './plan-outcomes.ts'

/** Compares plans when somebody looks at them, and keeps what it found with the plan. */
export interface PlanComparer {
  /**
   * What can be said now: a small plan is compared at once, of a large one it is what was last computed (nothing, at first) while a thread computes
   * anew; emitPlan tells when that is ready. null for an unknown plan.
   */
  latest(planId: string, baseline: string | null): ComparedNow | null
  /** The comparison of the results as they are, however long it takes; null for an unknown plan. Rejects when the comparer closes or the thread fails. */
  current(planId: string, baseline: string | null): Promise<ComparedNow | null>
  /** Begins to compare a plan that does not run any more, so that lists have its headline; nothing for one that runs or has no results. */
  settle(planId: string): void
  close(): Promise<void>
}

export interface ComparedNow extends PlanComparison {
  /** The arm that differences are to. */
  readonly baseline: string
  /** False while newer results are being compared. */
  readonly isCurrent: boolean
}

export interface PlanComparerOptions {
  readonly plans: PlanStore
  /** Hears that a comparison or a headline is new. */
  readonly emitPlan: (planId: string) => void
  readonly log: Log
  /** Plans with more outcomes than that are compared in a thread. */
  readonly atOnce?: number
}

/** So many outcomes are compared in about a tenth of a second. */
const outcomesAtOnce = 5000
/** While a plan runs, comparing it takes at most this share of one core: the running itself needs them. */
const shareWhileRunning = 0.1

export function createPlanComparer({ plans, emitPlan, log, atOnce = outcomesAtOnce }: PlanComparerOptions): PlanComparer {
  /** Comparisons under way, by plan and baseline. */
  const running = new Map<string, Promise<PlanComparison>>()
  /** Keys of comparisons whose thread failed: they are not tried again with the same results. */
  const failures = new Map<string, string>()
  /** When a comparison may be begun again while its plan runs, by plan and baseline; in milliseconds of performance.now(). */
  const rests = new Map<string, number>()
  const workers = new Set<Worker>()
  /** One thread at a time: a comparison uses one core fully. */
  let lane: Promise<unknown> = Promise.resolve()
  let closed = false

  function keep(plan: StoredPlan, baseline: string, key: string, comparison: PlanComparison): void {
    plans.setComparison(plan.id, baseline, { key, ...comparison })
    const headline = headlineOf(comparison.comparisons)
    if (headline === plans.get(plan.id)?.headline) return
    plans.patch(plan.id, { headline })
    emitPlan(plan.id)
  }

  function inThread(outcomes: PlanOutcomes, baseline: string): Promise<PlanComparison> {
    if (closed) return Promise.reject(new Error('comparing ended because the app closes'))
    return new Promise((resolve, reject) => {
      const worker = new Worker(workerFile('plans/compare-worker'), { workerData: { outcomes, baseline } })
      workers.add(worker)
      worker.once('message', (comparison: PlanComparison) => resolve(comparison))
      worker.once('error', reject)
      worker.once('exit', (code) => {
        workers.delete(worker)
        reject(new Error(closed ? 'comparing ended because the app closes' : `the comparing thread ended with code ${code}`))
      })
    })
  }

  /** Computes in a thread, unless that is under way already. */
  function begin(plan: StoredPlan, baseline: string): Promise<PlanComparison> {
    const place = placeOf(plan.id, baseline)
    const known = running.get(place)
    if (known) return known
    const work = lane.then(async () => {
      // Read when its turn comes, so that it is of the newest results.
      const key = comparisonKey(plans.revision(plan.id), baseline)
      const begun = performance.now()
      try {
        const comparison = await inThread(gatherOutcomes(plans, plan), baseline)
        if (!closed) keep(plan, baseline, key, comparison)
        return comparison
      } catch (error) {
        if (!closed) {
          failures.set(JSON.stringify([plan.id, key]), String(error))
          log.error('a plan could not be compared', { plan: plan.id, error: String(error) })
        }
        throw error
      } finally {
        const now = performance.now()
        rests.set(place, now + (now - begun) / shareWhileRunning)
        running.delete(place)
        if (!closed) emitPlan(plan.id)
      }
    })
    running.set(place, work)
    lane = work.catch(() => undefined)
    return work
  }

  function countOutcomes(planId: string): number {
    return plans.cells(planId).reduce((sum, { state, n }) => sum + (state === 'done' ? n : 0), 0)
  }

  /** What is known without waiting: kept, failed, or small enough to be computed now; null where a thread is needed. */
  function atHand(plan: StoredPlan, baseline: string): ComparedNow | null {
    const key = comparisonKey(plans.revision(plan.id), baseline)
    const kept = plans.comparison(plan.id, baseline)
    if (kept?.key === key) return { baseline, isCurrent: true, comparisons: kept.comparisons, problems: kept.problems }
    const failure = failures.get(JSON.stringify([plan.id, key]))
    if (failure !== undefined) {
      return { baseline, isCurrent: true, comparisons: [], problems: [errorProblem('internal', `Comparing failed: ${failure}`)] }
    }
    if (countOutcomes(plan.id) > atOnce) return null
    const comparison = comparePlan(gatherOutcomes(plans, plan), baseline)
    keep(plan, baseline, key, comparison)
    return { baseline, isCurrent: true, ...comparison }
  }

  function latest(planId: string, wished: string | null): ComparedNow | null {
    const plan = plans.get(planId)
    if (!plan) return null
    const baseline = baselineOf(plan.file, wished, plan.baseline)
    const now = atHand(plan, baseline)
    if (now) return now
    const rested = (rests.get(placeOf(planId, baseline)) ?? 0) <= performance.now()
    // What fails is logged and answered the next time.
    if (rested || !isRunning(plan)) begin(plan, baseline).catch(() => undefined)
    const older = plans.comparison(planId, baseline)
    return { baseline, isCurrent: false, comparisons: older?.comparisons ?? [], problems: older?.problems ?? [] }
  }

  return {
    latest,
    async current(planId, wished) {
      const plan = plans.get(planId)
      if (!plan) return null
      const baseline = baselineOf(plan.file, wished, plan.baseline)
      for (;;) {
        const now = atHand(plan, baseline)
        if (now) return now
        await begin(plan, baseline)
      }
    },
    settle(planId) {
      const plan = plans.get(planId)
      if (closed || !plan || isRunning(plan) || countOutcomes(planId) === 0) return
      try {
        latest(planId, null)
      } catch (error) {
        // Whoever looks at the plan is told; what ended meanwhile must not fail for it.
        log.error('a plan could not be compared', { plan: planId, error: String(error) })
      }
    },
    async close() {
      closed = true
      await Promise.all([...workers].map((worker) => worker.terminate()))
      await lane
    },
  }
}

function isRunning({ state }: StoredPlan): boolean {
  return state === 'running' || state === 'stopping'
}

function placeOf(planId: string, baseline: string): string {
  return JSON.stringify([planId, baseline])
}

function gatherOutcomes(plans: PlanStore, { id, file }: StoredPlan): PlanOutcomes {
  return { file, tasks: plans.taskFacts(id), cells: plans.cells(id), values: plans.values(id) }
}
