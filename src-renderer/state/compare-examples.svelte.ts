import type { Agreement } from '../../src-main/contract/comparison.ts'
import type { RequestInput } from '../../src-main/contract/bridge.ts'
import type { PlanOutcome } from '../../src-main/contract/plan-run.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { refusals } from './answers.ts'
import type { Budget } from './compare-results.ts'

const pageRows = 50

/** Which examples of two arms are shown. */
export const exampleFilters = ['all', 'first', 'not-first', 'both', 'first-not-second', 'second-not-first', 'only-first', 'none'] as const
export type ExampleFilter = (typeof exampleFilters)[number]

/** What the examples of a plan are looked at with. */
export interface ExampleChoice {
  readonly first: string
  readonly second: string | null
  readonly filter: ExampleFilter
  /** null: the task that is looked at, or the first. */
  readonly task: string | null
}

/** One task, budget and seed of a plan. */
export interface ExamplePlace {
  readonly planId: string
  readonly task: string
  readonly budget: Budget
  readonly seed: number
}

/** Which arms must be right and which must not, for a filter. */
export function rightAndWrong(
  filter: ExampleFilter,
  first: string,
  second: string | null,
  all: readonly string[],
): { readonly right: string[]; readonly wrong: string[] } {
  const others = second === null ? [] : [second]
  switch (filter) {
    case 'all':
      return { right: [], wrong: [] }
    case 'first':
      return { right: [first], wrong: [] }
    case 'not-first':
      return { right: [], wrong: [first] }
    case 'both':
      return { right: [first, ...others], wrong: [] }
    case 'first-not-second':
      return { right: [first], wrong: others }
    case 'second-not-first':
      return { right: others, wrong: [first] }
    case 'only-first':
      return { right: [first], wrong: all.filter((arm) => arm !== first) }
    case 'none':
      return { right: [], wrong: [...all] }
  }
}

/** Owns the test examples of a plan as far as they were asked for, and how the arms agree on them. */
export class PlanExamples {
  rows = $state.raw<readonly PlanOutcome[]>([])
  total = $state(0)
  loading = $state(false)
  agreement = $state.raw<Agreement | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #asked = 0
  #askedAgreement = 0
  #query: Omit<RequestInput<'plans.outcomes'>, 'offset' | 'limit'> | null = null

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** The first page. */
  async show(query: Omit<RequestInput<'plans.outcomes'>, 'offset' | 'limit'>): Promise<void> {
    this.#query = query
    await this.#load(true)
  }

  async more(): Promise<void> {
    if (this.rows.length < this.total && !this.loading) await this.#load(false)
  }

  async loadAgreement(place: ExamplePlace): Promise<void> {
    this.#askedAgreement += 1
    const asked = this.#askedAgreement
    const answer = await this.#bridge.call('plans.agreement', { ...place })
    if (asked === this.#askedAgreement) this.agreement = answer.ok ? answer.value : null
  }

  async #load(first: boolean): Promise<void> {
    if (!this.#query) return
    this.#asked += 1
    const asked = this.#asked
    this.loading = true
    const answer = await this.#bridge.call('plans.outcomes', { ...this.#query, offset: first ? 0 : this.rows.length, limit: pageRows })
    if (asked !== this.#asked) return
    this.loading = false
    this.problems = refusals(answer)
    if (!answer.ok) return
    this.rows = first ? answer.value.rows : [...this.rows, ...answer.value.rows]
    this.total = answer.value.total
  }
}
