import type { DetailState } from './detail.svelte.ts'
import type { GridPlace } from './grid-keys.ts'
import type { LibraryState } from './library.svelte.ts'
import type { Selection } from './selection.svelte.ts'

/**
 * Owns where the library's grid has its focus and which range is being selected.
 * The focused adapter is the one in the detail pane; the selection is separate and grows with Space and Shift.
 */
export class LibraryTable {
  place = $state.raw<GridPlace>({ row: 0, column: 2 })
  readonly #library: LibraryState
  readonly #selection: Selection
  readonly #detail: DetailState
  /** The adapter under the focus, by which the focus is found again when rows move. */
  #focusedId: string | null = null
  /** Where a range began, and what was selected before it. */
  #anchor: { readonly row: number; readonly before: ReadonlySet<string> } | null = null
  #asked = 0

  constructor(library: LibraryState, selection: Selection, detail: DetailState) {
    this.#library = library
    this.#selection = selection
    this.#detail = detail
    library.onRows(() => this.#follow())
  }

  /** Moves the focus; a row's adapter is then shown in the detail pane. */
  moveTo(place: GridPlace): void {
    this.place = place
    this.#anchor = null
    this.#showFocused()
  }

  /** Moves the focus and selects everything between where the range began and there. */
  async extendTo(place: GridPlace): Promise<void> {
    const anchor = (this.#anchor ??= { row: Math.max(0, this.place.row), before: this.#selection.ids })
    this.place = place
    this.#showFocused()
    if (place.row < 0) return
    this.#asked += 1
    const asked = this.#asked
    const range = await this.#idsBetween(Math.min(anchor.row, place.row), Math.max(anchor.row, place.row))
    if (asked === this.#asked) this.#selection.set([...anchor.before, ...range])
  }

  /** Selects or unselects the row, and begins a range there. */
  toggle(row: number): void {
    const id = this.#library.row(row)?.id
    if (id === undefined) return
    this.#selection.toggle(id)
    this.#anchor = { row, before: this.#selection.ids }
  }

  /** Adds every adapter that matches the filter to the selection. */
  async selectAll(): Promise<void> {
    this.#selection.add(await this.#library.ids())
  }

  /** These adapters are gone: whatever stands in their place is shown next. */
  forget(ids: readonly string[]): void {
    if (this.#focusedId !== null && ids.includes(this.#focusedId)) this.#focusedId = null
  }

  /** Focuses the row of an adapter; true when it is among the rows at hand. */
  focusAdapter(id: string): boolean {
    const row = this.#library.indexOf(id)
    if (row !== -1) this.moveTo({ ...this.place, row })
    return row !== -1
  }

  /** Rows have arrived, moved or gone: the focus follows its adapter; at the start the first row is shown. */
  #follow(): void {
    const total = this.#library.total ?? 0
    if (this.#focusedId === null) {
      this.place = { ...this.place, row: Math.max(0, Math.min(this.place.row, total - 1)) }
      this.#showFocused()
    } else if (this.#library.row(this.place.row)?.id !== this.#focusedId) {
      const row = this.#library.indexOf(this.#focusedId)
      this.place = { ...this.place, row: row !== -1 ? row : Math.min(this.place.row, Math.max(0, total - 1)) }
    }
  }

  #showFocused(): void {
    if (this.place.row < 0) return
    // A row that is still being fetched is shown as soon as it arrives (#follow).
    this.#focusedId = this.#library.row(this.place.row)?.id ?? null
    if (this.#focusedId !== null) this.#detail.show(this.#focusedId)
  }

  async #idsBetween(first: number, last: number): Promise<readonly string[]> {
    const rows = Array.from({ length: last - first + 1 }, (_, step) => this.#library.row(first + step)?.id)
    if (rows.every((id) => id !== undefined)) return rows
    return (await this.#library.ids()).slice(first, last + 1)
  }
}
