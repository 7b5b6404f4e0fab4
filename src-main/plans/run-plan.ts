import { randomUUID } from 'node:crypto'
import type { PlanCell, PlanDetail } from '../contract/plan-run.ts'
import { hasError, type Problem } from '../contract/problems.ts'
import { hashOf } from '../jobs/evaluate-key.ts'
import { isAlive, processToken } from '../jobs/process-token.ts'
import { executePlan } from './execute-plan.ts'
import { expandPlan } from './expand-plan.ts'
import { openCells } from './open-cells.ts'
import { createPlanMeter, type PlanMeter } from './plan-meter.ts'
import { endedUnexpectedly, isRunning, runsElsewhere, unknownPlan } from './plan-problems.ts'
import type { PlanServices, ResolvedPlan } from './plan-services.ts'
import { readPlan } from './read-plan.ts'
import { isAnecdote, resolvePlan, type PlanResolution } from './resolve-plan.ts'

/** Runs plans, keeps what they give, and knows how those that run go. */
export interface PlanRunner {
  /** Reads and keeps a plan, and begins to run it: all of it, or the cells named. */
  start(draft: unknown, cells?: readonly string[]): Promise<{ readonly planId: string | null; readonly problems: readonly Problem[] }>
  /** Goes on with the cells named, or all that are not done; done ones are run anew with `again`. */
  run(planId: string, cells?: readonly string[], again?: boolean): Promise<readonly Problem[]>
  /** Ends after 200 ms at most; what is done stays. */
  stop(planId: string): readonly Problem[]
  /** The cell in work; null for a plan that does not run here. */
  progressOf(planId: string): PlanDetail['progress']
  /** Resolves when the plan does not run here any more. */
  whenEnded(planId: string): Promise<void>
  /** Marks plans as interrupted whose process ended without doing so. */
  takeUp(): void
  /** Stops what runs: such plans are interrupted, and can be gone on with. */
  close(): Promise<void>
}

interface Running {
  readonly stop: AbortController
  readonly meter: PlanMeter
  readonly ended: Promise<void>
}

/** Where the provenance of a plan keeps the content hashes of its pool, as a JSON list. */
export const poolHashesKey = 'poolHashes'

/** The runner of the plans of a library. */
export function createPlanRunner(services: PlanServices): PlanRunner {
  const { library, emitPlan, now } = services
  const { plans } = library
  const running = new Map<string, Running>()
  let closing = false

  function begin(planId: string, plan: ResolvedPlan, open: ReadonlySet<string>, again: boolean): void {
    const stop = new AbortController()
    const meter = createPlanMeter(() => emitPlan(planId))
    for (const { id, state } of plans.cells(planId)) if (open.has(id) && state !== 'waiting') plans.patchCell(planId, id, { state: 'waiting', problems: [] }) // prettier-ignore
    plans.patch(planId, { state: 'running', startedAt: now().toISOString(), endedAt: null, process: processToken() })
    const ended = executePlan({ planId, plan, open, again, signal: stop.signal, meter }, services)
      .then(
        () => end(planId, []),
        (error: unknown) => end(planId, [endedUnexpectedly(error)]),
      )
      .finally(() => {
        running.delete(planId)
        emitPlan(planId)
      })
    running.set(planId, { stop, meter, ended })
    emitPlan(planId)
  }

  function end(planId: string, problems: readonly Problem[]): void {
    if (!plans.get(planId)) return
    const state = stateOf(plans.cells(planId))
    plans.patch(planId, {
      state: closing && state === 'cancelled' ? 'interrupted' : state,
      endedAt: now().toISOString(),
      process: null,
      problems: [...(plans.get(planId)?.problems ?? []).filter(({ code }) => code !== 'internal'), ...problems],
    })
  }

  const hasAdapter = ({ adapterId }: Pick<PlanCell, 'adapterId'>): boolean =>
    adapterId !== null && library.adapters.get(adapterId)?.status === 'ok'

  return {
    async start(draft, named = []) {
      const { plan: file, problems: said } = readPlan(draft)
      if (!file) return { planId: null, problems: said }
      const resolution = await resolvePlan(file, services)
      const problems = [...said, ...resolution.problems]
      if (!resolution.resolved) return { planId: null, problems }
      const planId = randomUUID()
      const cells = expandPlan(file).map(({ id, arm, task, budget, seed, needs }) => ({
        id,
        arm: arm.id,
        task,
        budget,
        seed,
        needs: [...needs],
      }))
      const { open, problems: unknown } = openCells(
        cells.map((cell) => ({ ...cell, state: 'waiting', adapterId: null })),
        named,
        false,
        hasAdapter,
      )
      if (hasError(unknown)) return { planId: null, problems: [...problems, ...unknown] }
      plans.insert(
        {
          ...{ id: planId, file, state: 'running', baseName: resolution.base?.name ?? file.base, createdAt: now().toISOString() },
          ...{ startedAt: null, endedAt: null, archived: false, baseline: null, headline: null, process: processToken() },
          provenance: provenanceOf(resolution, services),
          ...{ importedFrom: null, problems: problems.filter((problem) => problem.severity === 'warning' && !isAnecdote(problem)) },
        },
        cells,
      )
      begin(planId, resolution.resolved, open, false)
      return { planId, problems }
    },
    async run(planId, cells = [], again = false) {
      const stored = plans.get(planId)
      if (!stored) return [unknownPlan(planId)]
      if (running.has(planId) || isAlive(stored.process ?? undefined)) return [isRunning(stored.file.title)]
      const found = openCells(plans.cells(planId), cells, again, hasAdapter)
      if (hasError(found.problems)) return found.problems
      const { resolved, problems, poolHashes } = await resolvePlan(stored.file, services, fixedPool(stored.provenance))
      if (!resolved) return problems
      // Another request may have begun it meanwhile.
      if (running.has(planId)) return [isRunning(stored.file.title)]
      if (stored.provenance[poolHashesKey] === undefined)
        plans.patch(planId, { provenance: { ...stored.provenance, [poolHashesKey]: JSON.stringify(poolHashes) } })
      if (found.open.size > 0) begin(planId, resolved, found.open, again)
      return problems
    },
    stop(planId) {
      const stored = plans.get(planId)
      if (!stored) return [unknownPlan(planId)]
      const here = running.get(planId)
      if (!here) return isAlive(stored.process ?? undefined) ? [runsElsewhere(stored.file.title)] : []
      plans.patch(planId, { state: 'stopping' })
      here.stop.abort()
      emitPlan(planId)
      return []
    },
    progressOf: (planId) => running.get(planId)?.meter.progress ?? null,
    whenEnded: async (planId) => running.get(planId)?.ended,
    takeUp() {
      for (const { id, state } of plans.list()) {
        if (state !== 'running' && state !== 'stopping') continue
        if (running.has(id) || isAlive(plans.get(id)?.process ?? undefined)) continue
        for (const cell of plans.cells(id)) if (cell.state === 'running') plans.patchCell(id, cell.id, { state: 'waiting' })
        plans.patch(id, { state: 'interrupted', process: null })
        emitPlan(id)
      }
    },
    async close() {
      closing = true
      const all = [...running.values()]
      for (const { stop } of all) stop.abort()
      await Promise.all(all.map(({ ended }) => ended))
    },
  }
}

/** The state of a plan that does not run any more. */
function stateOf(cells: readonly PlanCell[]): 'done' | 'partial' | 'cancelled' {
  if (cells.some(({ state }) => state === 'waiting')) return 'cancelled'
  return cells.every(({ state }) => state === 'done') ? 'done' : 'partial'
}

/** Content hashes of the pool that a plan began with; null for one that never began here. */
function fixedPool(provenance: Readonly<Record<string, string>>): readonly string[] | null {
  const text = provenance[poolHashesKey]
  return text === undefined ? null : (JSON.parse(text) as string[])
}

function provenanceOf({ base, tasks, poolHashes, resolved }: PlanResolution, { adapt, appVersion }: PlanServices): Record<string, string> {
  const { device, processor, instructions, threads, nativeBuild } = adapt.engine.devices()
  return {
    ...{
      appVersion,
      nativeBuild: nativeBuild ?? 'not built',
      device: `${device} (${processor}, ${instructions})`,
      threads: String(threads),
    },
    ...{ baseName: base?.name ?? '', baseHash: base?.contentHash ?? '' },
    pool: `${poolHashes.length} adapters, ${hashOf(poolHashes)}`,
    ...Object.fromEntries([...tasks].map(([name, { hash }]) => [`task ${name}`, hash])),
    seeds: resolved?.file.seeds.join(', ') ?? '',
    [poolHashesKey]: JSON.stringify(poolHashes),
  }
}
