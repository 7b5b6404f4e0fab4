import type { Cell } from './expand-plan.ts'
import type { PlanFile } from '../contract/plan.ts'
import type { CellResult } from '../contract/plan-run.ts'
import type { AdaptServices } from '../jobs/adapt-types.ts'
import type { EvaluateServices } from '../jobs/evaluate-services.ts'
import type { Queue } from '../jobs/queue.ts'
import type { Library } from '../library/open-library.ts'

/** What running plans needs of the rest of the app. */
export interface PlanServices {
  readonly library: Library
  readonly queue: Queue
  readonly adapt: AdaptServices
  /** With the test split, which nothing that learns can read. */
  readonly evaluation: EvaluateServices
  /** Hears that cells or results of a plan changed. */
  readonly emitPlan: (planId: string) => void
  readonly appVersion: string
  readonly now: () => Date
}

/** A plan whose names were found in the library. */
export interface ResolvedPlan {
  readonly file: PlanFile
  readonly baseId: string
  /** Task ids by the names in the plan. */
  readonly taskIds: ReadonlyMap<string, string>
  /** Adapters that fit the base model, in the plan's order or the library's. */
  readonly pool: readonly string[]
}

/** One cell to be run, with the adapters of the cells that it needs. */
export interface CellToRun {
  readonly plan: ResolvedPlan
  readonly cell: Cell
  /** The own LoRA of its task, budget and seed; null where it needs none. */
  readonly ownId: string | null
}

/** How a running cell goes. */
export interface CellHooks {
  readonly signal: AbortSignal
  /** Its jobs, as they are started. */
  started(jobId: string): void
  report(stage: string, fraction: number, etaSeconds: number | null): void
}

/** What a cell made before it is measured: an adapter (null for the base model), and the result's parts that are known then. */
export interface MadeCell {
  readonly toRun: CellToRun
  readonly adapterId: string | null
  readonly jobId: string | null
  readonly result: Omit<CellResult, 'exampleIds' | 'values' | 'predictions' | 'finishedAt'>
}
