import type { BaseModel } from '../../src-main/contract/base-model.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { RequestOutput } from '../../src-main/contract/bridge.ts'
import type { Answer, Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems, refusals } from './answers.ts'
import { soon } from './soon.ts'

const changePauseMs = 300

/** Owns the base models, by name, and the one that is open. Loaded at start; asked for again a moment after bases.changed and library.changed. */
export class BasesState {
  all = $state.raw<readonly BaseModel[]>([])
  loaded = $state(false)
  /** Why the list could not be read. */
  problems = $state.raw<readonly Problem[]>([])
  openId = $state<string | null>(null)
  /** A folder is being asked for. */
  addOpen = $state(false)
  /** Facts of a new one are being read. */
  adding = $state(false)
  /** Why the last one was not added. */
  addProblems = $state.raw<readonly Problem[]>([])
  /** Those that can be used. */
  usable = $derived(this.all.filter(({ status }) => status === 'ok'))
  open = $derived(this.all.find(({ id }) => id === this.openId) ?? null)
  readonly #bridge: Bridge
  readonly #announcer: Announcer

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
    const later = soon(changePauseMs, () => void this.load())
    bridge.on('bases.changed', later)
    // How many adapters fit depends on the library.
    bridge.on('library.changed', later)
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('bases.list', {})
    if (answer.ok) this.all = [...answer.value].sort((left, right) => left.name.localeCompare(right.name))
    this.problems = refusals(answer)
    this.loaded = true
  }

  nameOf(id: string): string {
    return this.all.find((base) => base.id === id)?.name ?? 'a removed base model'
  }

  async add(path: string): Promise<void> {
    await this.#add(this.#bridge.call('bases.add', { path }))
  }
  async addDemo(): Promise<void> {
    await this.#add(this.#bridge.call('bases.addDemo', {}))
  }

  async rename(id: string, name: string): Promise<readonly Problem[]> {
    const problems = outcomeProblems(await this.#bridge.call('bases.rename', { id, name }))
    await this.load()
    return problems
  }

  /** Forgets a base model and its results; its files stay. */
  async remove(base: BaseModel): Promise<void> {
    const problems = outcomeProblems(await this.#bridge.call('bases.remove', { id: base.id }))
    if (problems.length > 0) this.#announcer.problem(`“${base.name}” was not removed.`, problems)
    else this.#announcer.done(`Base model “${base.name}” removed. Its files stay where they are.`)
    if (this.openId === base.id) this.openId = null
    await this.load()
  }

  async matches(id: string): Promise<RequestOutput<'bases.matches'> | null> {
    const answer = await this.#bridge.call('bases.matches', { id })
    return answer.ok ? answer.value : null
  }

  async #add(asked: Promise<Answer<{ readonly id: string | null; readonly problems: readonly Problem[] }>>): Promise<void> {
    this.adding = true
    const answer = await asked
    this.adding = false
    this.addProblems = answer.ok ? answer.value.problems : answer.problems
    if (!answer.ok || answer.value.id === null) return
    this.addOpen = false
    this.openId = answer.value.id
    await this.load()
    this.#announcer.say(`Base model ${this.nameOf(answer.value.id)} added.`)
  }
}
