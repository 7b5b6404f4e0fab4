import type { BudgetComparison } from '../contract/comparison.ts'
import type { PlanFile } from '../contract/plan.ts'
import type { Ablation, CellResult, PlanCell, PlanDetail, PlanState, PlanSummary, PlanTask } from '../contract/plan-run.ts'
import type { Problem } from '../contract/problems.ts'

/** A plan as the library keeps it, without its cells. */
export interface StoredPlan {
  readonly id: string
  readonly file: PlanFile
  readonly state: PlanState
  readonly baseName: string
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly archived: boolean
  /** Arm that the person pinned. */
  readonly baseline: string | null
  readonly headline: string | null
  /** The process that runs it, as jobs have it (jobs/process-token.ts); null when none does. */
  readonly process: string | null
  readonly provenance: Readonly<Record<string, string>>
  readonly importedFrom: PlanDetail['importedFrom']
  readonly problems: readonly Problem[]
}

/** What may change of a plan. */
export type PlanPatch = Partial<Omit<StoredPlan, 'id' | 'file' | 'createdAt' | 'importedFrom'>>

/** What may change of a cell besides its result. */
export type CellPatch = Partial<Pick<PlanCell, 'state' | 'jobId' | 'adapterId' | 'adapterName' | 'problems'>>

/** Values of one cell on its test examples, with their ids in the same order. */
export interface CellValues {
  readonly exampleIds: readonly string[]
  readonly values: Float64Array
}

/** Comparisons of a plan as they were computed. */
export interface StoredComparison {
  /** Of everything that they depend on (plans/compare-plan.ts). */
  readonly key: string
  readonly comparisons: readonly BudgetComparison[]
  readonly problems: readonly Problem[]
}

/** Plans, their cells and what these gave, kept apart from jobs, runs and adapters: results stay readable when those are gone. */
export interface PlanStore {
  insert(plan: StoredPlan, cells: readonly Pick<PlanCell, 'id' | 'arm' | 'task' | 'budget' | 'seed' | 'needs'>[]): void
  /** Newest first. */
  list(): PlanSummary[]
  get(id: string): StoredPlan | null
  patch(id: string, patch: PlanPatch): void
  remove(ids: readonly string[]): void

  /** In the order of the plan; those of one task, when given. */
  cells(id: string, task?: string): PlanCell[]
  patchCell(id: string, cell: string, patch: CellPatch): void
  /** Keeps what a cell gave, and makes it done; a result of the same cell is replaced. */
  setResult(id: string, result: CellResult, place?: { readonly adapterId: string | null; readonly jobId: string | null }): void
  /** With the outcomes of its examples. */
  result(id: string, cell: string): CellResult | null
  /** Values of every done cell (of those of `cells`, when given), by cell: read packed, without predictions. */
  values(id: string, cells?: readonly string[]): ReadonlyMap<string, CellValues>
  /** Predictions of some cells, in the order of their values. */
  predictions(id: string, cells: readonly string[]): ReadonlyMap<string, readonly (string | null)[]>

  setTask(id: string, task: PlanTask): void
  tasks(id: string): PlanTask[]
  task(id: string, task: string): PlanTask | null
  /** Without their examples, which may be many. */
  taskFacts(id: string): readonly (Omit<PlanTask, 'examples'> & { readonly n: number })[]

  /** Grows whenever results are added, replaced or taken back: what was computed at another revision is old. 0 for an unknown plan. */
  revision(id: string): number
  /** What was last computed with that arm as the baseline, new or old: its key says which. */
  comparison(id: string, baseline: string): StoredComparison | null
  setComparison(id: string, baseline: string, comparison: StoredComparison): void

  ablations(id: string): Ablation[]
  setAblation(id: string, ablation: Ablation): void
}
