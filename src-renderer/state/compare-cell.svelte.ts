import type { CellResult } from '../../src-main/contract/plan-run.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { refusals } from './answers.ts'

/** Owns the result of one cell of a plan, asked for when it is looked into. */
export class PlanCellState {
  result = $state.raw<CellResult | null>(null)
  loading = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #asked = 0

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  async load(planId: string, cell: string): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    if (this.result?.cell !== cell) this.result = null
    this.loading = true
    const answer = await this.#bridge.call('plans.cell', { planId, cell })
    if (asked !== this.#asked) return
    this.loading = false
    this.problems = refusals(answer)
    this.result = answer.ok ? answer.value : null
  }
}
