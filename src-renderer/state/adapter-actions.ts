import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { lastPart, plural } from '../format/words.ts'
import type { Announcer } from './announce.svelte.ts'
import type { Selection } from './selection.svelte.ts'

/** Everything a person can do to adapters of the library. Says what was done, with the way back where there is one, and shows refusals. */
export class AdapterActions {
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #selection: Selection

  constructor(bridge: Bridge, announcer: Announcer, selection: Selection) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#selection = selection
  }

  /** Gives an adapter another name; answers with the problems for which it was refused. */
  async rename(id: string, name: string): Promise<readonly Problem[]> {
    return problemsOf(await this.#bridge.call('library.setName', { id, name }))
  }

  /** Stores notes; answers with the problems for which they were refused. */
  async setNotes(id: string, notes: string): Promise<readonly Problem[]> {
    return problemsOf(await this.#bridge.call('library.setNotes', { id, notes }))
  }

  async setFavourite(ids: readonly string[], favourite: boolean): Promise<void> {
    const answer = await this.#bridge.call('library.setFavourite', { ids: [...ids], favourite })
    this.#show('The favourite mark was not changed.', problemsOf(answer))
  }

  /** Adds and removes tags; what really changed can be undone. */
  async editTags(ids: readonly string[], add: readonly string[], remove: readonly string[]): Promise<void> {
    const before = await this.#rowsOrNull(ids)
    if (!before) return
    const answer = await this.#bridge.call('library.editTags', { ids: [...ids], add: [...add], remove: [...remove] })
    const problems = problemsOf(answer)
    if (this.#show('The tags were not changed.', problems)) return
    const words = [...add.map((tag) => `added "${tag}"`), ...remove.map((tag) => `removed "${tag}"`)].join(', ')
    this.#announcer.done(`Tags: ${words} on ${plural(ids.length, 'adapter')}.`, {
      label: 'Undo',
      run: () => void this.#restoreTags(before, add, remove),
    })
  }

  /** Forgets adapters; their files stay where they are. */
  async remove(ids: readonly string[]): Promise<void> {
    const answer = await this.#bridge.call('library.remove', { ids: [...ids] })
    if (this.#show('Nothing was removed.', problemsOf(answer))) return
    this.#selection.remove(ids)
    this.#announcer.done(`${plural(ids.length, 'adapter')} removed from the library. The files are untouched.`)
  }

  /** Shows a file or folder in the system's file manager. */
  async reveal(path: string): Promise<void> {
    const answer = await this.#bridge.call('app.reveal', { path })
    this.#show(`${lastPart(path)} was not shown.`, problemsOf(answer))
  }

  /** Asks for a folder with the host's own dialog; null when the person closed it or the host has none. */
  async pickFolder(title: string): Promise<string | null> {
    const answer = await this.#bridge.call('app.pickFolder', { title })
    if (answer.ok) return answer.value
    this.#show('No folder was chosen.', answer.problems)
    return null
  }

  /** The rows of adapters by id, in no order; empty, with the problem shown, when they cannot be read. */
  async rows(ids: readonly string[]): Promise<readonly AdapterRow[]> {
    return ids.length === 0 ? [] : ((await this.#rowsOrNull(ids)) ?? [])
  }

  async #restoreTags(before: readonly AdapterRow[], added: readonly string[], removed: readonly string[]): Promise<void> {
    for (const row of before) {
      const remove = added.filter((tag) => !row.tags.includes(tag))
      const add = removed.filter((tag) => row.tags.includes(tag))
      if (add.length + remove.length === 0) continue
      const answer = await this.#bridge.call('library.editTags', { ids: [row.id], add, remove })
      if (this.#show('The tags were not put back.', problemsOf(answer))) return
    }
    this.#announcer.say('Tags put back.')
  }

  async #rowsOrNull(ids: readonly string[]): Promise<readonly AdapterRow[] | null> {
    const answer = await this.#bridge.call('library.byIds', { ids: [...ids] })
    if (answer.ok) return answer.value
    this.#show('The adapters could not be read.', answer.problems)
    return null
  }

  /** Shows problems, if there are any; true when there were. */
  #show(text: string, problems: readonly Problem[]): boolean {
    if (problems.length > 0) this.#announcer.problem(text, problems)
    return problems.length > 0
  }
}

function problemsOf(
  answer:
    | { readonly ok: true; readonly value: { readonly problems: readonly Problem[] } }
    | { readonly ok: false; readonly problems: readonly Problem[] },
): readonly Problem[] {
  return answer.ok ? answer.value.problems : answer.problems
}
