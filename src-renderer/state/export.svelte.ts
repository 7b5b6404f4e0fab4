import type { ExportCheck, ExportProfile, ExportResult } from '../../src-main/contract/export-profiles.ts'
import type { Job } from '../../src-main/contract/job.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { exportedOf } from './export-result.ts'

/** What a tool would say of one adapter; null while it is being asked. */
export interface CheckedAdapter {
  readonly id: string
  readonly check: ExportCheck | null
  readonly problems: readonly Problem[]
}

/** One export that was asked for. */
export interface StartedExport {
  readonly id: string
  readonly profile: ExportProfile
  /** null when it was refused. */
  readonly jobId: string | null
  readonly problems: readonly Problem[]
  /** Where the files are and their rank, once the job is done. */
  readonly written: ExportResult | null
}

/** Most adapters that are checked before they are exported; the job of each says the same afterwards. */
export const mostChecked = 50

/**
 * Owns the exports that are being prepared and those that were started from the panel: one job for each adapter. The panel may close
 * meanwhile; its jobs go on and stand here when it opens again, until they are dismissed.
 */
export class ExportState {
  profile = $state<ExportProfile>('peft')
  checks = $state.raw<readonly CheckedAdapter[]>([])
  started = $state.raw<readonly StartedExport[]>([])
  starting = $state(false)
  readonly #bridge: Bridge
  #generation = 0

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    bridge.on('job.changed', (job) => void this.#jobChanged(job))
  }

  /** Asks what the tool of `profile` would say of each adapter. */
  async check(ids: readonly string[], profile: ExportProfile): Promise<void> {
    this.profile = profile
    this.#generation += 1
    const generation = this.#generation
    this.checks = ids.slice(0, mostChecked).map((id) => ({ id, check: null, problems: [] }))
    for (const id of ids.slice(0, mostChecked)) {
      const answer = await this.#bridge.call('export.check', { id, profile })
      if (generation !== this.#generation) return
      const checked = { id, check: answer.ok ? answer.value : null, problems: answer.ok ? [] : answer.problems }
      this.checks = this.checks.map((known) => (known.id === id ? checked : known))
    }
  }

  /** Starts a job for each adapter. `padTo` 0 keeps the profile's own rank. */
  async start(ids: readonly string[], folder: string, padTo: number): Promise<void> {
    const { profile } = this
    this.starting = true
    this.started = []
    for (const id of ids) {
      const answer = await this.#bridge.call('export.start', { id, folder, profile, padTo })
      const problems = answer.ok ? answer.value.problems : answer.problems
      this.started = [...this.started, { id, profile, jobId: answer.ok ? answer.value.jobId : null, problems, written: null }]
    }
    this.starting = false
  }

  /** Forgets the jobs shown in the panel; they stay in Jobs. */
  dismiss(): void {
    this.started = []
  }

  async #jobChanged(job: Job): Promise<void> {
    if (job.kind !== 'export' || job.state !== 'done' || !this.started.some((known) => known.jobId === job.id && known.written === null))
      return
    const answer = await this.#bridge.call('jobs.get', { id: job.id })
    const written = answer.ok ? exportedOf(answer.value?.result) : null
    this.started = this.started.map((known) => (known.jobId === job.id ? { ...known, written } : known))
  }
}
