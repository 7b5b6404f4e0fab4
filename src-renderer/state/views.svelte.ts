import type { SavedView } from '../../src-main/contract/library-tools.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems, refusals } from './answers.ts'
import { plainQuery, sameQuestion, sentQuery, type TableQuery } from './library-filters.ts'

/** What a saved view keeps of the table. */
export interface Shown {
  readonly query: TableQuery
  /** Column ids, in order. */
  readonly columns: readonly string[]
}

/**
 * Owns the saved views of the library, in the order in which they were made, and which one was picked last.
 * Loaded at start, after a lost connection and after library.toolsChanged.
 */
export class ViewsState {
  all = $state.raw<readonly SavedView[]>([])
  /** Why the list could not be read. */
  problems = $state.raw<readonly Problem[]>([])
  /** The view picked last, as long as it is there. */
  pickedId = $state<string | null>(null)
  picked = $derived(this.all.find((view) => view.id === this.pickedId) ?? null)
  readonly #bridge: Bridge
  readonly #announcer: Announcer

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
    bridge.on('library.toolsChanged', () => void this.load())
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('views.list', {})
    if (answer.ok) this.all = answer.value
    this.problems = refusals(answer)
  }

  /** Keeps what is shown under a name: as a new view (id null) or in place of one. Answers with the problems for which it was refused. */
  async save(id: string | null, name: string, shown: Shown): Promise<readonly Problem[]> {
    const answer = await this.#bridge.call('views.save', { id, name, query: sentQuery(shown.query), columns: [...shown.columns] })
    const problems = outcomeProblems(answer)
    if (problems.length > 0) return problems
    await this.load()
    this.pickedId = answer.ok ? answer.value.id : null
    this.#announcer.say(id === null ? `View “${name}” saved.` : `View “${name}” updated.`)
    return []
  }

  /** Gives a view another name; what it shows stays. */
  async rename(view: SavedView, name: string): Promise<readonly Problem[]> {
    const answer = await this.#bridge.call('views.save', { ...view, name })
    await this.load()
    return outcomeProblems(answer)
  }

  /** Forgets a view. */
  async remove(view: SavedView): Promise<void> {
    const answer = await this.#bridge.call('views.remove', { id: view.id })
    const problems = outcomeProblems(answer)
    if (problems.length > 0) this.#announcer.problem(`“${view.name}” was not removed.`, problems)
    else this.#announcer.done(`View “${view.name}” removed.`)
    await this.load()
  }
}

/** The table's query of a saved view. */
export function queryOf(view: SavedView): TableQuery {
  return { text: view.query.text, filters: view.query.filters, sort: view.query.sort }
}

/** True when the table shows exactly what a view keeps. */
export function showsView(view: SavedView, shown: Shown): boolean {
  return sameQuestion(queryOf(view), { ...plainQuery, ...shown.query }) && view.columns.join(',') === shown.columns.join(',')
}
