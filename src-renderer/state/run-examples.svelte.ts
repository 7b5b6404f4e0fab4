import type { RequestInput } from '../../src-main/contract/bridge.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Outcome } from '../../src-main/contract/run.ts'
import type { Bridge } from '../bridge.ts'
import { refusals } from './answers.ts'

const pageRows = 100

export type ExampleFilter = RequestInput<'evaluate.outcomes'>['filter']

/** Owns the examples of a run as far as they were asked for, beside those of another run of the same task when one is given. */
export class RunExamples {
  rows = $state.raw<readonly { readonly here: Outcome; readonly there: Outcome | null }[]>([])
  total = $state(0)
  loading = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #asked = 0
  #query: Omit<RequestInput<'evaluate.outcomes'>, 'offset' | 'limit'> | null = null

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** The first page. */
  async show(runId: string, other: string | null, filter: ExampleFilter, text: string): Promise<void> {
    this.#query = { runId, other, filter, text }
    await this.#load(true)
  }

  async more(): Promise<void> {
    if (this.rows.length < this.total && !this.loading) await this.#load(false)
  }

  async #load(first: boolean): Promise<void> {
    if (!this.#query) return
    this.#asked += 1
    const asked = this.#asked
    this.loading = true
    const answer = await this.#bridge.call('evaluate.outcomes', { ...this.#query, offset: first ? 0 : this.rows.length, limit: pageRows })
    if (asked !== this.#asked) return
    this.loading = false
    this.problems = refusals(answer)
    if (!answer.ok) return
    this.rows = first ? answer.value.rows : [...this.rows, ...answer.value.rows]
    this.total = answer.value.total
  }
}
