import type { Problem } from '../../src-main/contract/problems.ts'
import type { Example, RenderedPrompt, Split } from '../../src-main/contract/task.ts'
import type { Bridge } from '../bridge.ts'
import { refusals } from './answers.ts'

const pageRows = 100

/** The examples of one task's split as far as they were asked for, and one of them as a base model gets it. Made by the part that shows them. */
export class TaskExamples {
  examples = $state.raw<readonly Example[]>([])
  total = $state(0)
  loading = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  rendered = $state.raw<RenderedPrompt | null>(null)
  renderProblems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #asked = 0
  #renderAsked = 0

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** The first page of a split whose rows hold `text`. */
  async show(id: string, split: Split, text: string): Promise<void> {
    this.examples = []
    await this.#load(id, split, text)
  }

  async more(id: string, split: Split, text: string): Promise<void> {
    if (this.examples.length < this.total && !this.loading) await this.#load(id, split, text)
  }

  /** Renders an example for a base model; null takes the rendering away. */
  async render(id: string, split: Split, exampleId: string | null, baseId: string | null): Promise<void> {
    this.#renderAsked += 1
    const asked = this.#renderAsked
    if (exampleId === null || baseId === null) {
      this.rendered = null
      this.renderProblems = []
      return
    }
    const answer = await this.#bridge.call('tasks.render', { id, split, exampleId, baseId })
    if (asked !== this.#renderAsked) return
    this.rendered = answer.ok ? answer.value.rendered : null
    this.renderProblems = answer.ok ? answer.value.problems : answer.problems
  }

  async #load(id: string, split: Split, text: string): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    this.loading = true
    const answer = await this.#bridge.call('tasks.examples', { id, split, text, offset: this.examples.length, limit: pageRows })
    if (asked !== this.#asked) return
    this.loading = false
    this.problems = refusals(answer)
    if (!answer.ok) return
    this.examples = [...this.examples, ...answer.value.examples]
    this.total = answer.value.total
  }
}
