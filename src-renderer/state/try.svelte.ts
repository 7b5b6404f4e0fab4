import type { Problem } from '../../src-main/contract/problems.ts'
import type { Generation, Subject } from '../../src-main/contract/run.ts'
import type { Bridge } from '../bridge.ts'

/** What one model said to the prompt. */
export interface Tried {
  readonly label: string
  readonly generation: Generation | null
  readonly problems: readonly Problem[]
}

/** Owns one prompt and what the base model and chosen adapters say to it, one after the other. */
export class TryState {
  system = $state('')
  user = $state('')
  maxNewTokens = $state(64)
  running = $state(false)
  answers = $state.raw<readonly Tried[]>([])
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** Asks every subject; answers are shown as they come. */
  async run(baseId: string, subjects: readonly { readonly label: string; readonly subject: Subject }[]): Promise<void> {
    this.running = true
    this.answers = []
    const { system, user, maxNewTokens } = this
    for (const { label, subject } of subjects) {
      const answer = await this.#bridge.call('evaluate.try', { baseId, subject, system, user, maxNewTokens })
      const tried = answer.ok ? answer.value : { generation: null, problems: answer.problems }
      this.answers = [...this.answers, { label, ...tried }]
    }
    this.running = false
  }
}
