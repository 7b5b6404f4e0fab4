import type { Problem } from '../../src-main/contract/problems.ts'
import { runKinds, type RunRef, type RunRow, type RunsComparison, type RunsQuery } from '../../src-main/contract/runs-list.ts'
import type { Bridge } from '../bridge.ts'
import { refusals } from './answers.ts'
import { pageSize, pagesToFetch, type PageWindow } from './library-pages.ts'
import { comparedRefs, rangeOf, runKey } from './runs-table.ts'
import { soon } from './soon.ts'

const changePauseMs = 500
/** Largest page that the host gives (contract/runs-list.ts). */
const mostRows = 1000

/** What the list is narrowed to. */
export type RunsFilter = Omit<RunsQuery, 'offset' | 'limit'>

const everything: RunsFilter = { kinds: [...runKinds], text: '', taskId: null, baseId: null, archived: false, sort: 'newest' }

/**
 * Owns the list of plans, evaluations and adaptations as far as it is scrolled, which of them are selected, and what is known of these side by side.
 * Rows come in pages and are asked for again a moment after a run, a plan or an adaptation changed; rows at hand stay until new ones are there.
 */
export class RunsState {
  filter = $state.raw<RunsFilter>(everything)
  /** Runs that match; null before the first answer. */
  total = $state<number | null>(null)
  /** Runs in the archive; asked for only where nothing stands outside of it, and 0 before. */
  archived = $state(0)
  problems = $state.raw<readonly Problem[]>([])
  /** Selected runs by key, in the order in which they were chosen. */
  selected = $state.raw<ReadonlyMap<string, RunRow>>(new Map())
  /** Row that has the focus, and the one from which a range is drawn. */
  cursor = $state(0)
  #anchor = 0
  comparison = $state.raw<RunsComparison | null>(null)
  /** Counts changes of the filter, so that the list can scroll back to its top. */
  filterChanges = $state(0)
  #pages = $state.raw<ReadonlyMap<number, readonly RunRow[]>>(new Map())
  #window: PageWindow = { first: 0, last: 0 }
  #fetched = new Set<number>()
  #generation = 0
  /** The rows at hand belong to another filter and go with the first new page. */
  #outdated = false
  #compared = 0
  /** Asked for since it was last on screen; until then events are nothing to it. */
  #awake = false
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    const later = soon(changePauseMs, () => {
      if (this.#awake) this.refresh()
    })
    bridge.on('runs.changed', later)
    bridge.on('plans.changed', later)
    bridge.on('adapt.changed', later)
    bridge.on('job.removed', later)
  }

  /** The run that others are compared with, where it is among the rows or runs at hand. */
  get pinned(): RunRow | null {
    const known = [...this.selected.values(), ...[...this.#pages.values()].flat(), ...(this.comparison?.runs ?? [])]
    return known.find(({ pinned }) => pinned) ?? null
  }

  /** True while the list is narrowed to less than everything that is not archived. */
  get narrowed(): boolean {
    const { kinds, text, taskId, baseId, archived } = this.filter
    return kinds.length < runKinds.length || text.trim() !== '' || taskId !== null || baseId !== null || archived
  }

  /** The row at a place, or undefined while it is being fetched. */
  row(index: number): RunRow | undefined {
    return this.#pages.get(Math.floor(index / pageSize))?.[index % pageSize]
  }

  /** Comes on screen: everything is asked for. */
  wake(): void {
    this.#awake = true
    this.refresh()
  }

  /** Leaves the screen: changes are not followed any more. */
  sleep(): void {
    this.#awake = false
  }

  /** Asks for the rows on screen and for what is compared again. */
  refresh(): void {
    this.#generation += 1
    this.#fetched = new Set()
    this.#pump()
    void this.#compare()
  }

  narrow(change: Partial<RunsFilter>): void {
    this.filter = { ...this.filter, ...change }
    this.filterChanges += 1
    this.cursor = 0
    this.#anchor = 0
    this.#window = { first: 0, last: Math.min(this.#window.last - this.#window.first, pageSize - 1) }
    this.#generation += 1
    this.#fetched = new Set()
    this.#outdated = true
    this.#pump()
  }

  /** Takes search and filters away; the order stays. */
  clearFilter(): void {
    this.narrow({ ...everything, sort: this.filter.sort })
  }

  /** Says which rows are on screen; missing pages are fetched. */
  show(first: number, last: number): void {
    this.#window = { first: Math.max(0, first), last: Math.max(first, last) }
    this.#pump()
  }

  /** Selects one row alone. */
  choose(index: number): void {
    this.cursor = index
    this.#anchor = index
    const row = this.row(index)
    this.#select(row ? [row] : [])
  }

  /** Adds a row to the selection or takes it out. */
  toggle(index: number): void {
    this.cursor = index
    this.#anchor = index
    const row = this.row(index)
    if (!row) return
    const others = [...this.selected.values()].filter((other) => runKey(other) !== runKey(row))
    this.#select(others.length < this.selected.size ? others : [...others, row])
  }

  /** Selects everything from where the last choice was made to a row. */
  async extendTo(index: number): Promise<void> {
    this.cursor = index
    const { first, last } = rangeOf(this.#anchor, index)
    const rows = await this.#rowsBetween(first, last)
    if (rows) this.#select(rows)
  }

  async selectAll(): Promise<void> {
    const rows = await this.#rowsBetween(0, (this.total ?? 0) - 1)
    if (rows) this.#select(rows)
  }

  clearSelection(): void {
    this.#select([])
  }

  /** Selects a run wherever it stands in the list. */
  async reveal({ kind, id }: RunRef): Promise<void> {
    const answer = await this.#bridge.call('runs.compare', { runs: [{ kind, id }] })
    this.problems = refusals(answer)
    if (answer.ok) this.#select(answer.value.runs)
  }

  /** Notes on the selected rows which of them is pinned, before the list is asked for again. */
  notePinned(run: RunRef | null): void {
    const isPinned = (key: string): boolean => run !== null && key === runKey(run)
    this.selected = new Map([...this.selected].map(([key, row]) => [key, { ...row, pinned: isPinned(key) }]))
    this.refresh()
  }

  #select(rows: readonly RunRow[]): void {
    this.selected = new Map(rows.map((row) => [runKey(row), row]))
    void this.#compare()
  }

  async #compare(): Promise<void> {
    this.#compared += 1
    const compared = this.#compared
    const runs = comparedRefs([...this.selected.values()], this.pinned)
    if (runs.length === 0) {
      this.comparison = null
      return
    }
    const answer = await this.#bridge.call('runs.compare', { runs: [...runs] })
    if (compared !== this.#compared) return
    if (answer.ok) this.comparison = answer.value
    else if (answer.problems.some(({ code }) => code === 'run-unknown')) this.#select([])
    else this.problems = answer.problems
  }

  async #rowsBetween(first: number, last: number): Promise<readonly RunRow[] | null> {
    const rows: RunRow[] = []
    for (let offset = first; offset <= last; offset += mostRows) {
      const limit = Math.min(mostRows, last - offset + 1)
      const answer = await this.#bridge.call('runs.list', { ...this.filter, offset, limit })
      this.problems = refusals(answer)
      if (!answer.ok) return null
      rows.push(...answer.value.rows)
    }
    return rows
  }

  #pump(): void {
    for (const page of pagesToFetch(this.#window, this.total, this.#fetched)) {
      this.#fetched.add(page)
      void this.#fetch(page, this.#generation)
    }
  }

  async #fetch(page: number, generation: number): Promise<void> {
    const answer = await this.#bridge.call('runs.list', { ...this.filter, offset: page * pageSize, limit: pageSize })
    if (generation !== this.#generation) return
    this.problems = refusals(answer)
    if (!answer.ok) return
    const isEmpty = answer.value.total === 0 && !this.narrowed
    const archive = isEmpty ? await this.#bridge.call('runs.list', { archived: true, offset: 0, limit: 1 }) : null
    if (generation !== this.#generation) return
    this.archived = archive?.ok ? archive.value.total : 0
    const kept = this.#outdated ? [] : this.#pages
    this.#outdated = false
    this.total = answer.value.total
    this.cursor = Math.max(0, Math.min(this.cursor, this.total - 1))
    this.#pages = new Map([...kept, [page, answer.value.rows]])
    this.#pump()
  }
}
