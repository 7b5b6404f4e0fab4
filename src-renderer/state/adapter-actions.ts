import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { lastPart, plural } from '../format/words.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems, refusals } from './answers.ts'
import type { Selection } from './selection.svelte.ts'
import type { UndoState } from './undo.svelte.ts'

/** Rows asked for at once: few enough that the host answers others in between. */
const rowsAtOnce = 1000

/** Everything a person can do to adapters of the library. Says what was done, with the way back where there is one, and shows refusals. */
export class AdapterActions {
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #selection: Selection
  readonly #undo: UndoState

  constructor(bridge: Bridge, announcer: Announcer, selection: Selection, undo: UndoState) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#selection = selection
    this.#undo = undo
  }

  /** Gives an adapter another name; answers with the problems for which it was refused. */
  async rename(id: string, name: string): Promise<readonly Problem[]> {
    return outcomeProblems(await this.#bridge.call('library.setName', { id, name }))
  }

  /** Stores notes; answers with the problems for which they were refused. */
  async setNotes(id: string, notes: string): Promise<readonly Problem[]> {
    return outcomeProblems(await this.#bridge.call('library.setNotes', { id, notes }))
  }

  async setFavourite(ids: readonly string[], favourite: boolean): Promise<void> {
    const answer = await this.#bridge.call('library.setFavourite', { ids: [...ids], favourite })
    this.#show('The favourite mark was not changed.', outcomeProblems(answer))
  }

  /** Adds and removes tags; what really changed can be taken back. */
  async editTags(ids: readonly string[], add: readonly string[], remove: readonly string[]): Promise<void> {
    const answer = await this.#bridge.call('library.editTags', { ids: [...ids], add: [...add], remove: [...remove] })
    if (!this.#show('The tags were not changed.', outcomeProblems(answer))) await this.#undo.offer()
  }

  /** Forgets adapters; their files stay where they are. */
  async remove(ids: readonly string[]): Promise<void> {
    const answer = await this.#bridge.call('library.remove', { ids: [...ids] })
    if (this.#show('Nothing was removed.', outcomeProblems(answer))) return
    this.#selection.remove(ids)
    this.#announcer.done(`${plural(ids.length, 'adapter')} removed from the library. The files are untouched.`)
  }

  /** Writes what the library itself knows of adapters into a folder, one JSON file each. */
  async exportMetadata(ids: readonly string[], folder: string): Promise<void> {
    const answer = await this.#bridge.call('library.exportMetadata', { ids: [...ids], folder })
    const paths = answer.ok ? answer.value.paths : []
    if (paths.length > 0) this.#announcer.done(`Metadata of ${plural(paths.length, 'adapter')} written to ${folder}.`)
    this.#show(`Metadata of ${plural(ids.length - paths.length, 'adapter')} not written.`, outcomeProblems(answer))
  }

  /** Shows a file or folder in the system's file manager. */
  async reveal(path: string): Promise<void> {
    const answer = await this.#bridge.call('app.reveal', { path })
    this.#show(`${lastPart(path)} was not shown.`, outcomeProblems(answer))
  }

  /** Asks for a folder with the host's own dialog; null when the person closed it or the host has none. */
  async pickFolder(title: string): Promise<string | null> {
    const answer = await this.#bridge.call('app.pickFolder', { title })
    if (answer.ok) return answer.value
    this.#show('No folder was chosen.', answer.problems)
    return null
  }

  /** The rows of adapters by id, in the order of `ids`, asked for in parts; with the problem shown and what was read when they cannot be. */
  async rows(ids: readonly string[]): Promise<readonly AdapterRow[]> {
    const rows: AdapterRow[] = []
    for (let from = 0; from < ids.length; from += rowsAtOnce) {
      const answer = await this.#bridge.call('library.byIds', { ids: ids.slice(from, from + rowsAtOnce) })
      if (this.#show('The adapters could not be read.', refusals(answer)) || !answer.ok) return rows
      rows.push(...answer.value)
    }
    return rows
  }

  /** Shows problems, if there are any; true when there were. */
  #show(text: string, problems: readonly Problem[]): boolean {
    if (problems.length > 0) this.#announcer.problem(text, problems)
    return problems.length > 0
  }
}
