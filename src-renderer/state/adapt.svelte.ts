import type { Adaptation, AdaptationDetail } from '../../src-main/contract/adapt.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { outcomeProblems, refusals } from './answers.ts'
import type { Announcer } from './announce.svelte.ts'
import type { BasesState } from './bases.svelte.ts'
import { soon } from './soon.ts'

const changePauseMs = 300

/** Owns what was and is being adapted, newest first, and the one that is open, with its curve as it grows. Asked for again a moment after adapt.changed and job.changed. */
export class AdaptState {
  baseId = $state<string | null>(null)
  all = $state.raw<readonly Adaptation[]>([])
  loaded = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  openId = $state<string | null>(null)
  detail = $state.raw<AdaptationDetail | null>(null)
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #bases: BasesState
  #asked = 0

  constructor(bridge: Bridge, announcer: Announcer, bases: BasesState) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#bases = bases
    const listLater = soon(changePauseMs, () => void this.load())
    const detailLater = soon(changePauseMs, () => void this.#loadDetail())
    bridge.on('adapt.changed', ({ jobId }) => {
      listLater()
      if (jobId === this.openId) detailLater()
    })
    bridge.on('job.changed', ({ id, state }) => {
      const known = this.all.find(({ jobId }) => jobId === id)
      if (known && known.state !== state) {
        listLater()
        if (id === this.openId) detailLater()
      }
    })
    bridge.on('job.removed', ({ id }) => {
      if (id === this.openId) void this.open(null)
      listLater()
    })
  }

  /** The chosen base model, or the first usable one. */
  get base(): string | null {
    const { usable } = this.#bases
    return usable.some(({ id }) => id === this.baseId) ? this.baseId : (usable[0]?.id ?? null)
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('adapt.list', {})
    this.problems = refusals(answer)
    if (answer.ok) this.all = answer.value
    this.loaded = true
  }

  async open(jobId: string | null): Promise<void> {
    if (jobId === this.openId && this.detail?.jobId === jobId) return
    this.openId = jobId
    this.detail = null
    await this.#loadDetail()
  }

  /** Ends a running one after its present step; the best so far becomes the result. */
  async keepBest(jobId: string): Promise<void> {
    const problems = outcomeProblems(await this.#bridge.call('adapt.keepBest', { jobId }))
    if (problems.length > 0) this.#announcer.problem('It goes on.', problems)
    else this.#announcer.say('It ends after this step, and the best so far is kept.')
  }

  /** Makes an adapter of one trial of a search. */
  async promote(jobId: string, trial: number): Promise<void> {
    const answer = await this.#bridge.call('adapt.promote', { jobId, trial })
    const problems = answer.ok ? answer.value.problems : answer.problems
    if (!answer.ok || answer.value.jobId === null) this.#announcer.problem('No adapter was made of the trial.', problems)
    else this.#announcer.done('The trial is being made into an adapter; it will stand in the library.')
  }

  /** Starts an evaluation of the result, the base model and one's own LoRA on the test examples; answers with its job, null when it was refused. */
  async evaluateOnTest({ adapterId, ownId, baseId, taskId }: AdaptationDetail): Promise<string | null> {
    const ids = [...new Set([adapterId, ownId])].filter((id) => id !== null)
    const answer = await this.#bridge.call('evaluate.start', {
      baseId,
      subjects: [{ kind: 'base' }, ...ids.map((id) => ({ kind: 'adapter' as const, adapterId: id }))],
      tasks: [{ taskId, split: 'test' }],
    })
    const jobId = answer.ok ? answer.value.jobId : null
    if (jobId === null) this.#announcer.problem('It was not evaluated.', answer.ok ? answer.value.problems : answer.problems)
    return jobId
  }

  async #loadDetail(): Promise<void> {
    const jobId = this.openId
    if (jobId === null) return
    this.#asked += 1
    const asked = this.#asked
    const answer = await this.#bridge.call('adapt.get', { jobId })
    if (asked !== this.#asked || jobId !== this.openId) return
    this.problems = refusals(answer)
    if (answer.ok) this.detail = answer.value
  }
}
