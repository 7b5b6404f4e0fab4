import { endedStates } from '../contract/job.ts'
import type { Ablation } from '../contract/plan-run.ts'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { Log } from '../platform/log.ts'
import { prepareAblation, runAblation, type CellToAblate } from './ablate.ts'
import type { PlanServices } from './plan-services.ts'

/** Leaves adapters of a plan's merges out, one cell at a time each, and keeps what that gives with the plan. */
export interface PlanAblator {
  /** Begins; the result is with the plan when it is there. */
  start(planId: string, cell: string): Promise<{ readonly problems: readonly Problem[] }>
  /** What came out when it does not run here any more; null where there is nothing. */
  whenEnded(planId: string, cell: string): Promise<Ablation | null>
  /** Marks those as failed whose process ended before they were done. */
  takeUp(): void
  /** Stops what runs. */
  close(): Promise<void>
}

/** The ablator of the plans of a library. */
export function createPlanAblator(services: PlanServices, log: Log): PlanAblator {
  const { library, queue, emitPlan } = services
  const running = new Map<string, Promise<void>>()
  const closing = new AbortController()

  const keyOf = (planId: string, cell: string): string => `${planId} ${cell}`
  const known = (planId: string, cell: string): Ablation | null =>
    library.plans.ablations(planId).find((ablation) => ablation.cell === cell) ?? null

  function keep(planId: string, ablation: Ablation): void {
    library.plans.setAblation(planId, ablation)
    emitPlan(planId)
  }

  async function follow(planId: string, toAblate: CellToAblate): Promise<void> {
    const open = nothingYet(toAblate)
    let jobId: string | null = null
    try {
      keep(planId, open)
      const ablation = await runAblation(toAblate, services, closing.signal, (id) => {
        jobId = id
        keep(planId, { ...open, jobId })
      })
      keep(planId, ablation)
    } catch (error) {
      if (!(error instanceof Refusal)) log.error('an ablation failed', { plan: planId, cell: open.cell, error: String(error) })
      const problems = error instanceof Refusal ? [...error.problems] : [errorProblem('internal', `Leaving adapters out failed: ${String(error)}.`)] // prettier-ignore
      keep(planId, { ...open, jobId, state: 'failed', problems })
    }
  }

  return {
    async start(planId, cell) {
      if (running.has(keyOf(planId, cell)) || isUnderWay(known(planId, cell))) return { problems: [] }
      try {
        const toAblate = await prepareAblation(planId, cell, services)
        const key = keyOf(planId, cell)
        running.set(
          key,
          follow(planId, toAblate).finally(() => running.delete(key)),
        )
        return { problems: [] }
      } catch (error) {
        if (!(error instanceof Refusal) || !hasError(error.problems)) throw error
        return { problems: error.problems }
      }
    },
    async whenEnded(planId, cell) {
      await running.get(keyOf(planId, cell))
      return known(planId, cell)
    },
    takeUp() {
      for (const { id } of library.plans.list()) {
        for (const ablation of library.plans.ablations(id)) {
          if (ablation.state !== 'running' || running.has(keyOf(id, ablation.cell)) || isUnderWay(ablation)) continue
          keep(id, { ...ablation, state: 'failed', problems: [errorProblem('cancelled', 'It ended before it was done.', { hint: 'Leave them out again.' })] }) // prettier-ignore
        }
      }
    },
    async close() {
      closing.abort()
      await Promise.all(running.values())
    },
  }

  function isUnderWay(ablation: Ablation | null): boolean {
    if (ablation?.state !== 'running' || ablation.jobId === null) return false
    const job = queue.list().find(({ id }) => id === ablation.jobId)
    return job !== undefined && !endedStates.includes(job.state)
  }
}

function nothingYet({ cell, result }: CellToAblate): Ablation {
  return { cell: cell.id, state: 'running', jobId: null, n: result.exampleIds.length, full: null, rows: [], problems: [] }
}
