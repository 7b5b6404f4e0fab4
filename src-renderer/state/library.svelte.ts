import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import { sortColumns, type Facet, type Facets, type LibraryFilter } from '../../src-main/contract/library-query.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { plainQuery, sameQuestion, sentQuery, withFilter, type TableQuery } from './library-filters.ts'
import { pageSize, pagesToFetch, type PageWindow } from './library-pages.ts'

const atOnce = 2
const changePauseMs = 150
/** Counts of the whole library cost more than rows and are looked at less: while an import runs they follow at this distance. */
const countPauseMs = 1000

/**
 * Owns the rows of the library that are on screen and the counts of the whole library.
 * Rows come in pages, as far as the table is scrolled; every page is asked for again a moment after library.changed.
 * The newest query wins: what arrives for an older one is dropped. Old rows stay on screen until new ones are there.
 */
export class LibraryState {
  query = $state.raw<TableQuery>(plainQuery)
  /** Number of rows that match the query; null before the first answer. */
  total = $state<number | null>(null)
  facets = $state.raw<Facets | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  /** The norm at which a bar in the table is full: one adapter in ten has a larger one. */
  normReference = $state(1)
  /** True while the rows on screen belong to an older query. */
  waiting = $state(false)
  /** Counts changes of the query, so that the table can scroll back to its top. */
  queryChanges = $state(0)
  #pages = $state.raw<ReadonlyMap<number, readonly AdapterRow[]>>(new Map())
  #window: PageWindow = { first: 0, last: 0 }
  #fetched = new Set<number>()
  #inFlight = 0
  #generation = 0
  /** The rows at hand belong to an older query and go with the first new page. */
  #outdated = false
  #changeTimer: ReturnType<typeof setTimeout> | undefined
  #countTimer: ReturnType<typeof setTimeout> | undefined
  readonly #bridge: Bridge
  readonly #rowListeners = new Set<() => void>()

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    bridge.on('library.changed', () => {
      this.#changeTimer ??= setTimeout(() => {
        this.#changeTimer = undefined
        this.askRows()
      }, changePauseMs)
      this.#countTimer ??= setTimeout(() => {
        this.#countTimer = undefined
        void this.loadCounts()
      }, countPauseMs)
    })
  }

  /** The row at a place of the filtered order, or undefined while it is being fetched. */
  row(index: number): AdapterRow | undefined {
    return this.#pages.get(Math.floor(index / pageSize))?.[index % pageSize]
  }

  /** Calls `listener` each time rows have arrived or moved. */
  onRows(listener: () => void): void {
    this.#rowListeners.add(listener)
  }

  /** The place of an adapter among the rows at hand, or -1. */
  indexOf(id: string): number {
    for (const [page, rows] of this.#pages) {
      const place = rows.findIndex((row) => row.id === id)
      if (place !== -1) return page * pageSize + place
    }
    return -1
  }

  /** Asks for everything again: rows on screen and counts. */
  async refresh(): Promise<void> {
    this.askRows()
    await this.loadCounts()
  }

  /** Asks for the pages on screen again; the rows at hand stay until then. */
  askRows(): void {
    this.#generation += 1
    this.#fetched = new Set()
    this.#pump()
  }

  /** Takes up the remembered order, "norm:descending". */
  order(remembered: string | undefined): void {
    const [column, direction] = (remembered ?? '').split(':')
    const known = sortColumns.find((candidate) => candidate === column)
    if (known) this.narrow({ sort: { column: known, descending: direction === 'descending' } })
  }

  /** Changes parts of the query; rows are asked for again only when that asks for others. */
  narrow(change: Partial<TableQuery>): void {
    const before = this.query
    this.query = { ...before, ...change }
    if (!sameQuestion(before, this.query)) this.#restart()
  }

  /** Replaces one filter; null takes it away. A place behind the last adds one. */
  setFilter(place: number, filter: LibraryFilter | null): void {
    this.narrow({ filters: withFilter(this.query.filters, place, filter) })
  }

  /** Narrows to the adapters with one value of a facet, in place of every other filter of that facet. */
  showOnly(facet: Facet, value: string): void {
    const others = this.query.filters.filter((filter) => filter.facet !== facet)
    this.narrow({ filters: [...others, { facet, mode: 'any', values: [value] }] })
  }

  /** Takes every filter and the search away; the order stays. */
  clearQuery(): void {
    this.narrow({ ...plainQuery, sort: this.query.sort })
  }

  /** Says which rows are on screen; missing pages of that window are fetched, the nearest first. */
  show(first: number, last: number): void {
    this.#window = { first: Math.max(0, first), last: Math.max(first, last) }
    this.#pump()
  }

  /** Every matching id in table order, for "select all" and long ranges; empty with a problem when refused. */
  async ids(): Promise<readonly string[]> {
    const answer = await this.#bridge.call('library.ids', sentQuery(this.query))
    if (answer.ok) return answer.value
    this.problems = answer.problems
    return []
  }

  #restart(): void {
    this.#generation += 1
    this.#fetched = new Set()
    this.#window = { first: 0, last: Math.min(this.#window.last - this.#window.first, pageSize - 1) }
    this.#outdated = true
    this.waiting = true
    this.queryChanges += 1
    this.#pump()
  }

  #pump(): void {
    const wanted = pagesToFetch(this.#window, this.total, this.#fetched)
    for (const page of wanted) {
      if (this.#inFlight >= atOnce) return
      this.#fetched.add(page)
      this.#inFlight += 1
      void this.#fetch(page, this.#generation)
    }
  }

  async #fetch(page: number, generation: number): Promise<void> {
    try {
      const answer = await this.#bridge.call('library.list', { ...sentQuery(this.query), offset: page * pageSize, limit: pageSize })
      if (generation !== this.#generation) return
      this.waiting = false
      this.problems = answer.ok ? [] : answer.problems
      if (!answer.ok) return
      this.total = answer.value.total
      const kept = this.#outdated ? [] : [...this.#pages].filter(([other]) => other !== page && this.#keeps(other))
      this.#outdated = false
      this.#pages = new Map([...kept, [page, answer.value.rows]])
      for (const listener of this.#rowListeners) listener()
    } finally {
      this.#inFlight -= 1
      this.#pump()
    }
  }

  /** During a refresh, rows on screen stay until theirs come; the others are fetched when they are scrolled to. */
  #keeps(page: number): boolean {
    const onScreen = page >= Math.floor(this.#window.first / pageSize) - 1 && page <= Math.floor(this.#window.last / pageSize) + 1
    return this.#fetched.has(page) || onScreen
  }

  /** Asks for the counts of the whole library. */
  async loadCounts(): Promise<void> {
    const answer = await this.#bridge.call('library.facets', {})
    if (answer.ok) this.facets = answer.value
    else this.problems = answer.problems
    await this.#loadNormReference()
  }

  async #loadNormReference(): Promise<void> {
    const offset = Math.floor((this.facets?.total ?? 0) * 0.1)
    const answer = await this.#bridge.call('library.list', { sort: { column: 'norm', descending: true }, offset, limit: 1 })
    const norm = answer.ok ? (answer.value.rows[0]?.updateNorm ?? null) : null
    if (norm !== null && norm > 0) this.normReference = norm
  }
}
