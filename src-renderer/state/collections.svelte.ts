import type { Collection } from '../../src-main/contract/library-tools.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems, refusals } from './answers.ts'
import { soon } from './soon.ts'
import type { UndoState } from './undo.svelte.ts'

const changePauseMs = 300

/**
 * Owns the collections with their counts, by name. Loaded at start and after a lost connection; asked for again a moment after
 * library.toolsChanged and library.changed (removed adapters leave their collections).
 */
export class CollectionsState {
  all = $state.raw<readonly Collection[]>([])
  /** Why the list could not be read. */
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #undo: UndoState

  constructor(bridge: Bridge, announcer: Announcer, undo: UndoState) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#undo = undo
    const later = soon(changePauseMs, () => void this.load())
    bridge.on('library.toolsChanged', later)
    bridge.on('library.changed', later)
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('collections.list', {})
    if (answer.ok) this.all = [...answer.value].sort((left, right) => left.name.localeCompare(right.name))
    this.problems = refusals(answer)
  }

  nameOf(id: string): string {
    return this.all.find((collection) => collection.id === id)?.name ?? 'a removed collection'
  }

  /** Makes a collection; answers with its id, or with the problems for which it was refused. */
  async create(name: string): Promise<{ readonly id: string | null; readonly problems: readonly Problem[] }> {
    const answer = await this.#bridge.call('collections.create', { name })
    await this.load()
    return answer.ok ? answer.value : { id: null, problems: answer.problems }
  }

  /** Gives a collection another name; answers with the problems for which it was refused. */
  async rename(id: string, name: string): Promise<readonly Problem[]> {
    const answer = await this.#bridge.call('collections.rename', { id, name })
    const problems = outcomeProblems(answer)
    await this.load()
    return problems
  }

  /** Forgets a collection; its adapters stay in the library. */
  async remove(collection: Collection): Promise<void> {
    const answer = await this.#bridge.call('collections.remove', { id: collection.id })
    const problems = outcomeProblems(answer)
    if (problems.length > 0) this.#announcer.problem(`“${collection.name}” was not removed.`, problems)
    else this.#announcer.done(`Collection “${collection.name}” removed. Its adapters stay in the library.`)
    await this.load()
  }

  /** Puts adapters into collections and takes them out of others, by id; what changed can be taken back. */
  async edit(ids: readonly string[], add: readonly string[], remove: readonly string[]): Promise<void> {
    const answer = await this.#bridge.call('collections.edit', { ids: [...ids], add: [...add], remove: [...remove] })
    const problems = outcomeProblems(answer)
    if (problems.length > 0) this.#announcer.problem('The collections were not changed.', problems)
    else await this.#undo.offer()
    await this.load()
  }
}
