import { endedStates, type Job, type JobDetail } from '../../src-main/contract/job.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'

const detailPauseMs = 1000

/**
 * Owns the jobs as the host holds them, newest first, and the detail of the one that is open.
 * Loaded at start and after a lost connection; job.changed and job.removed keep the list. The open detail is asked for again when its
 * job changes state or stage, and at most once a second while it only ticks (its log grows).
 */
export class JobsState {
  all = $state.raw<readonly Job[]>([])
  loaded = $state(false)
  /** Why the list could not be read, or why the last act was refused. */
  problems = $state.raw<readonly Problem[]>([])
  openId = $state<string | null>(null)
  detail = $state.raw<JobDetail | null>(null)
  /** Jobs that have not ended. */
  active = $derived(this.all.filter((job) => !endedStates.includes(job.state)))
  /** The job that runs now, for the status bar. */
  running = $derived(this.all.find((job) => job.state === 'running' || job.state === 'stopping') ?? null)
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  #detailAsked = 0
  #detailAt = 0

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
    bridge.on('job.changed', (job) => this.#changed(job))
    bridge.on('job.removed', ({ id }) => this.#removed(id))
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('jobs.list', {})
    if (answer.ok) this.all = newestFirst(answer.value)
    this.problems = answer.ok ? [] : answer.problems
    this.loaded = true
    if (this.openId !== null) await this.#loadDetail(this.openId)
  }

  get(id: string): Job | null {
    return this.all.find((job) => job.id === id) ?? null
  }

  /** Opens the detail of a job, or closes it. */
  async open(id: string | null): Promise<void> {
    if (id === this.openId && this.detail?.id === id) return
    this.openId = id
    this.detail = null
    if (id !== null) await this.#loadDetail(id)
  }

  /** Asks a queued or running job to stop; job.changed says when it has. */
  async stop(id: string): Promise<void> {
    const answer = await this.#bridge.call('jobs.cancel', { id })
    this.problems = answer.ok ? answer.value.problems : answer.problems
  }

  /** Starts an ended job's recipe again as a new job and opens that. */
  async runAgain(id: string): Promise<void> {
    const answer = await this.#bridge.call('jobs.runAgain', { id })
    this.problems = answer.ok ? answer.value.problems : answer.problems
    if (answer.ok && answer.value.jobId !== null) await this.open(answer.value.jobId)
  }

  /** Takes an ended job and its log out of the list; its result stays in the library. */
  async remove(id: string): Promise<void> {
    const answer = await this.#bridge.call('jobs.remove', { id })
    this.problems = answer.ok ? answer.value.problems : answer.problems
  }

  #changed(job: Job): void {
    const before = this.get(job.id)
    this.all = newestFirst([job, ...this.all.filter((other) => other.id !== job.id)])
    if (before?.state !== job.state) this.#announceState(job)
    if (job.id !== this.openId) return
    const moved = before?.state !== job.state || before?.progress?.stage !== job.progress?.stage
    if (moved || Date.now() - this.#detailAt > detailPauseMs) void this.#loadDetail(job.id)
  }

  #removed(id: string): void {
    this.all = this.all.filter((job) => job.id !== id)
    if (this.openId === id) void this.open(null)
  }

  #announceState(job: Job): void {
    if (job.state === 'running') this.#announcer.say(`Started: ${job.title}.`)
    if (job.state === 'done') this.#announcer.say(`Done: ${job.title}.`)
    if (job.state === 'cancelled') this.#announcer.say(`Stopped: ${job.title}.`)
    if (job.state === 'failed') this.#announcer.problem(`Failed: ${job.title}.`, job.problems)
  }

  async #loadDetail(id: string): Promise<void> {
    this.#detailAsked += 1
    this.#detailAt = Date.now()
    const asked = this.#detailAsked
    const answer = await this.#bridge.call('jobs.get', { id })
    if (asked !== this.#detailAsked || id !== this.openId) return
    if (answer.ok) this.detail = answer.value
    else this.problems = answer.problems
  }
}

function newestFirst(jobs: readonly Job[]): readonly Job[] {
  return [...jobs].sort((left, right) => right.createdAt.localeCompare(left.createdAt) || right.id.localeCompare(left.id))
}
