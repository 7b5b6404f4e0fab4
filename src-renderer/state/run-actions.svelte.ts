import type { PlanFile } from '../../src-main/contract/plan.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Run } from '../../src-main/contract/run.ts'
import type { RunRef, RunRow } from '../../src-main/contract/runs-list.ts'
import type { Answer, Bridge } from '../bridge.ts'
import { plural } from '../format/words.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems } from './answers.ts'
import type { RunsState } from './runs.svelte.ts'

/** Everything a person can do to runs: archive, pin, remove, export and import plans. Says what was done, and shows refusals. */
export class RunActions {
  /** A file is being written or read. */
  busy = $state(false)
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #runs: RunsState

  constructor(bridge: Bridge, announcer: Announcer, runs: RunsState) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#runs = runs
  }

  /** Takes runs out of the list without losing them, or puts them back. */
  async setArchived(runs: readonly RunRow[], archived: boolean): Promise<void> {
    const answer = await this.#bridge.call('runs.setArchived', { runs: runs.map(({ kind, id }) => ({ kind, id })), archived })
    const problems = outcomeProblems(answer)
    if (problems.length > 0) return this.#announcer.problem('The runs were not archived.', problems)
    this.#runs.clearSelection()
    this.#runs.refresh()
    const words = `${plural(runs.length, 'run')} ${archived ? 'archived' : 'taken out of the archive'}.`
    this.#announcer.done(words, { label: 'Undo', run: () => void this.setArchived(runs, !archived) })
  }

  /** Makes a run the one that others are compared with; null: none. */
  async pin(run: RunRef | null): Promise<void> {
    const answer = await this.#bridge.call('runs.pin', { run: run && { kind: run.kind, id: run.id } })
    const problems = outcomeProblems(answer)
    if (problems.length > 0) return this.#announcer.problem('The run was not pinned.', problems)
    this.#announcer.say(run === null ? 'No run is pinned.' : 'Others are compared with this run.')
    this.#runs.notePinned(run)
  }

  /** Forgets runs and their results; adapters stay. */
  async remove(runs: readonly RunRow[]): Promise<void> {
    const ids = (kind: RunRef['kind']): string[] => runs.filter((run) => run.kind === kind).map(({ id }) => id)
    const [plans, evaluations] = [ids('plan'), ids('evaluation')]
    const asked: Promise<Answer<{ readonly problems: readonly Problem[] }>>[] = [
      ...(plans.length > 0 ? [this.#bridge.call('plans.remove', { planIds: plans })] : []),
      ...(evaluations.length > 0 ? [this.#bridge.call('evaluate.remove', { runIds: evaluations })] : []),
      ...ids('adaptation').map((id) => this.#bridge.call('jobs.remove', { id })),
    ]
    const problems = (await Promise.all(asked)).flatMap(outcomeProblems)
    if (problems.length > 0) this.#announcer.problem('Not everything was removed.', problems)
    else this.#announcer.done(`${plural(runs.length, 'run')} removed.`)
    this.#runs.clearSelection()
    this.#runs.refresh()
  }

  /** The run behind an evaluation, so that another section can show it; null when it is gone. */
  async evaluation(id: string): Promise<Run | null> {
    const answer = await this.#bridge.call('evaluate.run', { id })
    if (!answer.ok) this.#announcer.problem('The evaluation cannot be shown.', answer.problems)
    return answer.ok ? answer.value : null
  }

  /** The file of a plan, for a new plan like it; null when it is gone. */
  async planFile(id: string): Promise<PlanFile | null> {
    const answer = await this.#bridge.call('plans.get', { planId: id })
    if (!answer.ok) this.#announcer.problem('The plan cannot be read.', answer.problems)
    return answer.ok ? (answer.value?.file ?? null) : null
  }

  /** Writes a plan with its results where outputs go; answers with the path, null when it was refused. */
  async exportPlan(planId: string): Promise<string | null> {
    this.busy = true
    const answer = await this.#bridge.call('plans.writeBundle', { planId, folder: null })
    this.busy = false
    const path = answer.ok ? answer.value.path : null
    if (path === null) this.#announcer.problem('The plan was not exported.', outcomeProblems(answer))
    else this.#announcer.done(`Written to ${path}. Test examples and answers are in it, weights are not.`)
    return path
  }

  /** Asks the host for a file of a plan and reads it. */
  async pickPlan(): Promise<void> {
    await this.#importPlan(() => this.#bridge.call('plans.pickBundle', {}))
  }

  /** Reads a file of a plan that was dropped, or chosen where the host has no dialog. */
  async importFile(file: File): Promise<void> {
    const { drop } = this.#bridge
    await this.#importPlan(async () => {
      const path =
        drop.kind === 'path' ? await drop.pathForFile(file) : `${await drop.upload(crypto.randomUUID(), file.name, file)}/${file.name}`
      return path === null ? { ok: true, value: { planId: null, problems: [] } } : this.#bridge.call('plans.readBundle', { path })
    })
  }

  async #importPlan(ask: () => Promise<Answer<{ readonly planId: string | null; readonly problems: readonly Problem[] }>>): Promise<void> {
    this.busy = true
    const answer = await ask().finally(() => (this.busy = false))
    const problems = outcomeProblems(answer)
    const planId = answer.ok ? answer.value.planId : null
    if (planId === null) {
      if (problems.length > 0) this.#announcer.problem('The plan was not imported.', problems)
      return
    }
    if (problems.length > 0) this.#announcer.problem('The plan was imported.', problems)
    else this.#announcer.done('The plan was imported with its results.')
    this.#runs.clearFilter()
    await this.#runs.reveal({ kind: 'plan', id: planId })
  }
}
