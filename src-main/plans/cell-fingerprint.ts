import type { Arm } from '../contract/plan.ts'
import { hashOf } from '../jobs/evaluate-key.ts'
import type { Cell } from './expand-plan.ts'

/** What a cell's result depends on besides the cell itself, by content: nothing of one library, device or version is in it. */
export interface CellContent {
  readonly cell: Pick<Cell, 'id' | 'arm' | 'budget' | 'seed' | 'needs'>
  /** The arm that trains the own LoRA, where the plan has one. */
  readonly own: Arm | null
  readonly testLimit: number | null
  readonly taskHash: string
  readonly baseHash: string
  /** Content hashes in the order of the pool. */
  readonly poolHashes: readonly string[]
}

/** SHA-256 of all that a cell's result depends on but device, build and app version. Job files of a cluster carry the same one. */
export function cellFingerprint({ cell, own, testLimit, taskHash, baseHash, poolHashes }: CellContent): string {
  const { id, arm, budget, seed, needs } = cell
  const taken = needs.length > 0 ? own : null
  const content = { schema: 1, cell: id, arm, own: taken, budget, seed, testLimit, task: taskHash, base: baseHash, pool: poolHashes }
  return hashOf(content)
}
