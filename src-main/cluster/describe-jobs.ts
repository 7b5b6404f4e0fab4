import type { ClusterCell, ClusterContent, ClusterJob, ClusterPlan } from '../contract/cluster-job.ts'
import type { PlanFile } from '../contract/plan.ts'
import { hashOf } from '../jobs/evaluate-key.ts'
import { cellFingerprint } from '../plans/cell-fingerprint.ts'
import { expandPlan, type Cell } from '../plans/expand-plan.ts'

/** A plan's file with everything it names, known by content. */
export interface FoundPlan {
  readonly file: PlanFile
  readonly base: ClusterContent
  /** In the order of the plan. */
  readonly tasks: readonly ClusterJob['task'][]
  readonly pool: readonly ClusterContent[]
}

/** One job for each cell of the plan, numbered from 1, each after the one it needs. Equal plans give equal jobs. */
export function describeJobs(plan: FoundPlan): readonly ClusterJob[] {
  const cells = expandPlan(plan.file)
  const tasks = new Map(plan.tasks.map((task) => [task.name, task]))
  const own = plan.file.arms.find(({ role }) => role === 'own') ?? null
  const drafts = cells.map((cell, index) => draftOf(cell, index + 1, plan, tasks.get(cell.task)!, own))
  const known = new Map(drafts.map((draft) => [draft.cell, draft]))
  const fingerprint = hashOf({ schema: 1, file: plan.file, jobs: drafts.map((draft) => draft.fingerprint) })
  return drafts.map((draft, index) => ({
    format: 'amalgam-plan-job',
    version: 1,
    plan: { title: plan.file.title, fingerprint },
    ...draft,
    needs: needOf(cells[index]!, known),
  }))
}

/** A job as the list of the shared folder shows it. */
export function listedCell({ number, cell, fingerprint, arm, task, budget, seed, needs }: ClusterJob): ClusterCell {
  const stage = needs === null ? 0 : 1
  return { number, cell, fingerprint, arm: arm.id, task: task.name, budget, seed, needs: needs ? [needs.cell] : [], stage }
}

type Draft = Omit<ClusterJob, 'format' | 'version' | 'plan' | 'needs'>

function draftOf(cell: Cell, number: number, { file, base, pool }: FoundPlan, task: ClusterJob['task'], own: ClusterJob['own']): Draft {
  const { arm, budget, seed } = cell
  const taken = cell.needs.length > 0 ? own : null
  const { testLimit } = file
  const poolHashes = pool.map(({ contentHash }) => contentHash)
  const fingerprint = cellFingerprint({ cell, own, testLimit, taskHash: task.hash, baseHash: base.contentHash, poolHashes })
  return {
    ...{ number, cell: cell.id, fingerprint, arm, own: taken, task, budget, seed, testLimit, base },
    pool: [...pool],
  }
}

function needOf({ needs: [need] }: Cell, known: ReadonlyMap<string, Draft>): ClusterJob['needs'] {
  if (need === undefined) return null
  const { number, cell, fingerprint } = known.get(need)!
  return { number, cell, fingerprint }
}

/** The plan as it is for one job alone: its arm, and the one that trains the own LoRA where it takes it. */
export function planOfJob({ plan, arm, own, task, budget, seed, testLimit, base, pool }: ClusterJob): PlanFile {
  return {
    ...{ version: 1, title: plan.title, preset: null, base: base.name, pool: pool.map(({ name }) => name), tasks: [task.name] },
    budgets: [budget === 'all' ? null : (budget as PlanFile['budgets'][number])],
    ...{ seeds: [seed ?? 1], arms: [...(own ? [own] : []), arm], margin: 0, testLimit },
  }
}

/** The cell of a job, as the plan has it. */
export function cellOfJob({ cell, arm, task, budget, seed, needs }: ClusterJob): Cell {
  return { id: cell, arm, task: task.name, budget, seed, needs: needs ? [needs.cell] : [] }
}

/** The list of a shared folder, of all of its jobs. */
export function listOf(jobs: readonly ClusterJob[], rest: Pick<ClusterPlan, 'appVersion' | 'file' | 'base' | 'tasks'>): ClusterPlan {
  const [first] = jobs as readonly [ClusterJob, ...ClusterJob[]]
  const pool = first.pool.map(({ contentHash }) => contentHash)
  return { format: 'amalgam-shared-plan', version: 1, fingerprint: first.plan.fingerprint, ...rest, pool, cells: jobs.map(listedCell) }
}
