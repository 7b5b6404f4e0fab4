import type { FilterMode } from '../contract/library-query.ts'

/**
 * One facet of every adapter: the list of its values at each place. Lists repeat from adapter to adapter, so that places hold the number of a
 * list, and a question about values is answered once for each list.
 */
export interface ListColumn {
  /** Puts a list at a place, or frees it (null). */
  put(place: number, list: readonly string[] | null): void
  /** For each number of a list: 1 when the list passes. Values are asked for as `fold` gives them back; "" stands for an empty list. */
  judge(mode: FilterMode, values: readonly string[]): Uint8Array
  /** The number of the list at each place. */
  numbers(): Uint32Array
  /** How many places have each value; "" counts those with an empty list. */
  counts(): ReadonlyMap<string, number>
}

interface Held {
  readonly key: string
  readonly list: readonly string[]
  /** What is asked for: the distinct values folded, or "" alone. */
  readonly folded: readonly string[]
  places: number
}

/** The number that stands at free places. */
const nothing = 0

/** An empty column. Values that `fold` makes equal are one and the same to a question. */
export function createListColumn(fold: (value: string) => string = (value) => value): ListColumn {
  let numbers = new Uint32Array(1024)
  const held: (Held | null)[] = [null]
  const byKey = new Map<string, number>()
  const unused: number[] = []
  /** The lists that hold a folded value. */
  const holders = new Map<string, Set<number>>()

  function numberOf(list: readonly string[]): number {
    const key = list.join('\0')
    const known = byKey.get(key)
    if (known !== undefined) return known
    const number = unused.pop() ?? held.length
    const folded = list.length === 0 ? [''] : [...new Set(list.map(fold))]
    held[number] = { key, list, folded, places: 0 }
    byKey.set(key, number)
    for (const value of folded) holders.set(value, (holders.get(value) ?? new Set()).add(number))
    return number
  }

  function leave(number: number): void {
    const left = held[number]
    if (!left || (left.places -= 1) > 0) return
    held[number] = null
    byKey.delete(left.key)
    for (const value of left.folded) {
      const lists = holders.get(value)
      lists?.delete(number)
      if (lists?.size === 0) holders.delete(value)
    }
    unused.push(number)
  }

  return {
    put(place, list) {
      if (place >= numbers.length) {
        const grown = new Uint32Array(Math.max(place + 1, numbers.length * 2))
        grown.set(numbers)
        numbers = grown
      }
      const before = numbers[place]!
      const number = list === null ? nothing : numberOf(list)
      if (number !== nothing) held[number]!.places += 1
      numbers[place] = number
      leave(before)
    },
    judge(mode, values) {
      const asked = [...new Set(values.map(fold))]
      const found = new Uint32Array(held.length)
      for (const value of asked) for (const number of holders.get(value) ?? []) found[number]! += 1
      const least = mode === 'all' ? asked.length : 1
      const fits = Uint8Array.from(found, (count) => Number(count >= least !== (mode === 'none')))
      fits[nothing] = 0
      return fits
    },
    numbers: () => numbers,
    counts() {
      const counts = new Map<string, number>()
      const add = (value: string, places: number) => void counts.set(value, (counts.get(value) ?? 0) + places)
      for (const entry of held) {
        if (!entry) continue
        if (entry.list.length === 0) add('', entry.places)
        for (const value of entry.list) add(value, entry.places)
      }
      return counts
    },
  }
}
