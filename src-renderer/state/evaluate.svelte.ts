import type { Problem } from '../../src-main/contract/problems.ts'
import type { EvaluatedSplit, Results } from '../../src-main/contract/run.ts'
import type { Bridge } from '../bridge.ts'
import { outcomeProblems, refusals } from './answers.ts'
import type { Announcer } from './announce.svelte.ts'
import type { BasesState } from './bases.svelte.ts'
import { RunExamples } from './run-examples.svelte.ts'
import { soon } from './soon.ts'

const changePauseMs = 500

/**
 * Owns the results that the section Evaluate shows: of one base model on one split, as differences to a baseline. Asked for when one of
 * these changes, and again a moment after runs.changed. Cells and their examples follow.
 */
export class EvaluateState {
  baseId = $state<string | null>(null)
  split = $state<EvaluatedSplit>('test')
  /** Key of the subject that differences are to. */
  baseline = $state('base')
  results = $state.raw<Results | null>(null)
  loading = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  /** The column shown as a chart; its task's id. */
  chartTask = $state<string | null>(null)
  /** Run whose examples are open. */
  openRun = $state<string | null>(null)
  readonly examples: RunExamples
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #bases: BasesState
  #asked = 0

  constructor(bridge: Bridge, announcer: Announcer, bases: BasesState) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#bases = bases
    this.examples = new RunExamples(bridge)
    const later = soon(changePauseMs, () => void this.load())
    bridge.on('runs.changed', ({ baseId }) => {
      if (baseId === this.#base()) later()
    })
  }

  /** The chosen base model, or the first usable one. */
  get base(): string | null {
    return this.#base()
  }

  async load(): Promise<void> {
    const baseId = this.#base()
    if (baseId === null) {
      this.results = null
      return
    }
    this.#asked += 1
    const asked = this.#asked
    this.loading = true
    const answer = await this.#bridge.call('evaluate.results', { baseId, split: this.split, baseline: this.baseline })
    if (asked !== this.#asked) return
    this.loading = false
    this.problems = refusals(answer)
    if (answer.ok) this.results = answer.value
  }

  async choose(changes: { readonly baseId?: string; readonly split?: EvaluatedSplit; readonly baseline?: string }): Promise<void> {
    if (changes.baseId !== undefined) {
      this.baseId = changes.baseId
      this.baseline = 'base'
      this.openRun = null
    }
    if (changes.split !== undefined) {
      this.split = changes.split
      this.openRun = null
    }
    if (changes.baseline !== undefined) this.baseline = changes.baseline
    await this.load()
  }

  /** Deletes results; they can be computed again. */
  async remove(runIds: readonly string[]): Promise<void> {
    const problems = outcomeProblems(await this.#bridge.call('evaluate.remove', { runIds: [...runIds] }))
    if (problems.length > 0) this.#announcer.problem('The results were not removed.', problems)
    if (this.openRun !== null && runIds.includes(this.openRun)) this.openRun = null
    await this.load()
  }

  #base(): string | null {
    const { usable } = this.#bases
    return usable.some(({ id }) => id === this.baseId) ? this.baseId : (usable[0]?.id ?? null)
  }
}
