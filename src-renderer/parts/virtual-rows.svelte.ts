import { elementScroll, observeElementOffset, observeElementRect, Virtualizer, type Range } from '@tanstack/virtual-core'
import { takeSlots } from './row-slots.ts'

/** Milliseconds after the last scrolling at which the elements are put into the order of their rows. */
const restMs = 150
/** Rows that scroll by between two looks from which the list rushes: nobody reads them, and filling all of them would make it stutter. */
const rushRows = 10
/** Milliseconds in which two such jumps must follow each other; a single one, as of a page or to the end, is drawn at once. */
const rushMs = 100

interface Options {
  /** Number of rows. */
  readonly count: () => number
  readonly rowHeight: number
  /** Height of what sticks above the rows inside the scrolled element. */
  readonly headerHeight: number
  /** A row that stays rendered wherever the table is scrolled to (the focused one); -1 for none. */
  readonly keep: () => number
  /** Told which rows are on screen, each time that changes, but not while the list rushes. */
  readonly onRange: (first: number, last: number) => void
}

/**
 * The rows to draw of a long list, as reactive state over the framework-free virtualizer. A row that leaves the screen gives its slot to one
 * that comes, so that the same elements are filled again: key the rows by `slot`. While the list scrolls they stand in the order of their
 * slots and nothing is moved in the page; at rest they stand in the order of the rows, as they are read.
 */
export class VirtualRows {
  /** `drawn` is false for rows that came while the list rushes: they are filled when it slows down. */
  rows = $state.raw<readonly { readonly slot: number; readonly index: number; readonly top: number; readonly drawn: boolean }[]>([])
  height = $state(0)
  #element: HTMLElement | null = null
  /** Which slot draws which row. */
  #slots: ReadonlyMap<number, number> = new Map()
  #restTimer: ReturnType<typeof setTimeout> | undefined
  #drawn: ReadonlySet<number> = new Set()
  #start = 0
  #jumpedAt = -Infinity
  #rushUntil = -Infinity
  readonly #options: Options
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>

  constructor(options: Options) {
    this.#options = options
    this.#virtualizer = new Virtualizer(this.#current())
  }

  /** Attach this to the element that scrolls. */
  readonly attach = (element: HTMLElement): (() => void) => {
    this.#element = element
    const unmount = this.#virtualizer._didMount()
    this.#virtualizer._willUpdate()
    this.#read()
    return () => {
      clearTimeout(this.#restTimer)
      unmount()
      this.#element = null
    }
  }

  /** Reads count and kept row again; call it from an effect that depends on both. */
  update(): void {
    this.#virtualizer.setOptions(this.#current())
    this.#virtualizer._willUpdate()
    this.#read()
  }

  /** Rows that fit on the screen, at least one. */
  pageRows(): number {
    const visible = (this.#virtualizer.scrollRect?.height ?? 0) - this.#options.headerHeight
    return Math.max(1, Math.floor(visible / this.#options.rowHeight) - 1)
  }

  scrollToRow(index: number): void {
    this.#virtualizer.scrollToIndex(index, { align: 'center' })
  }

  scrollToTop(): void {
    this.#virtualizer.scrollToOffset(0)
  }

  #current(): ConstructorParameters<typeof Virtualizer<HTMLElement, HTMLElement>>[0] {
    return {
      count: this.#options.count(),
      getScrollElement: () => this.#element,
      estimateSize: () => this.#options.rowHeight,
      scrollMargin: 0,
      overscan: 8,
      observeElementRect,
      observeElementOffset,
      scrollToFn: elementScroll,
      rangeExtractor: (range) => this.#extract(range),
      onChange: () => this.#read(),
    }
  }

  #extract(range: Range): number[] {
    const first = Math.max(0, range.startIndex - range.overscan)
    const last = Math.min(range.count - 1, range.endIndex + range.overscan)
    const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, step) => first + step)
    const keep = this.#options.keep()
    return keep < 0 || keep >= range.count || (keep >= first && keep <= last) ? rows : [...rows, keep].sort((left, right) => left - right)
  }

  #read(): void {
    const items = this.#virtualizer.getVirtualItems()
    this.#slots = takeSlots(
      this.#slots,
      items.map((item) => item.index),
    )
    const rushing = this.#rushes()
    this.#drawn = new Set(items.flatMap(({ index }) => (!rushing || this.#drawn.has(index) ? [index] : [])))
    const rows = items.map(({ index, start }) => ({ slot: this.#slots.get(index) ?? 0, index, top: start, drawn: this.#drawn.has(index) }))
    clearTimeout(this.#restTimer)
    if (this.#virtualizer.isScrolling || rushing) {
      rows.sort((left, right) => left.slot - right.slot)
      this.#restTimer = setTimeout(() => this.#read(), restMs)
    }
    this.rows = rows
    this.height = this.#virtualizer.getTotalSize()
    const range = this.#virtualizer.range
    if (range && !rushing) this.#options.onRange(range.startIndex, range.endIndex)
  }

  /** True while rows go by faster than they can be read. */
  #rushes(): boolean {
    const start = this.#virtualizer.range?.startIndex ?? 0
    const jumped = Math.abs(start - this.#start) > rushRows
    this.#start = start
    const now = performance.now()
    if (jumped && now - this.#jumpedAt < rushMs) this.#rushUntil = now + rushMs
    if (jumped) this.#jumpedAt = now
    return now < this.#rushUntil
  }
}
