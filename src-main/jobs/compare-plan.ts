/** What an adapter costs to compare. */
export interface CompareSize {
  /** Largest rank of a module. */
  readonly units: number
  /** Largest in + out of a module. */
  readonly sides: number
}

/** One call of the core: every adapter on the left with every one on the right, or the left ones among themselves. Numbers are places. */
export interface CompareBlock {
  readonly left: readonly number[]
  readonly right: readonly number[] | null
}

/** Most adapters on a side: what is lost when a job is stopped stays small. */
const mostAdapters = 100
/** Memory of one module of both sides, in bytes: 4 (in + out) for every unit, and 8 for every pair of units. */
const mostBytes = 800e6

/**
 * Blocks in which every pair of `sizes` that is not in `known` comes, in an order that depends on nothing else, so that a job that is started again
 * goes on where it was. Files are read once for each block they are in; pairs known already are computed again where leaving them out would
 * cost more blocks.
 */
export function planBlocks(sizes: readonly CompareSize[], known: readonly (readonly [number, number])[]): CompareBlock[] {
  const count = sizes.length
  const isKnown = new Uint8Array(count * count)
  for (const [left, right] of known) isKnown[left * count + right] = isKnown[right * count + left] = 1
  const isOpen = (left: number, right: number): boolean => left !== right && isKnown[left * count + right] === 0
  const fresh = freshPlaces(count, isOpen)
  const rest = sizes.flatMap((_, place) => (fresh.has(place) ? [] : [place]))
  const rows = chunks([...fresh], sizes)
  const columns = chunks(rest, sizes)
  const blocks: CompareBlock[] = []
  rows.forEach((row, index) => {
    for (const column of rows.slice(index)) addBlock(blocks, row, row === column ? null : column, isOpen)
    for (const column of columns) addBlock(blocks, row, column, isOpen)
  })
  return blocks
}

/** Adapters of which one is in every open pair: those with most pairs open, and what is missing besides; in rising order. */
function freshPlaces(count: number, isOpen: (left: number, right: number) => boolean): ReadonlySet<number> {
  const places = Array.from({ length: count }, (_, place) => place)
  const open = places.map((place) => places.filter((other) => isOpen(place, other)).length)
  const fresh = new Set(places.filter((place) => open[place]! > (count - 1) / 2))
  for (const place of places) {
    if (!fresh.has(place) && places.some((other) => !fresh.has(other) && isOpen(place, other))) fresh.add(place)
  }
  return new Set(places.filter((place) => fresh.has(place)))
}

/** Cuts a list so that two of its pieces can be compared within the memory. */
function chunks(places: readonly number[], sizes: readonly CompareSize[]): number[][] {
  const pieces: number[][] = []
  let units = 0
  let sides = 0
  for (const place of places) {
    const { units: more, sides: wide } = sizes[place]!
    const piece = pieces.at(-1)
    sides = Math.max(sides, wide)
    if (piece && piece.length < mostAdapters && pairBytes(units + more, sides) <= mostBytes) {
      piece.push(place)
      units += more
    } else {
      pieces.push([place])
      units = more
      sides = wide
    }
  }
  return pieces
}

/** Bytes that two stacks of so many units take in a module with so long sides. */
function pairBytes(units: number, sides: number): number {
  return 8 * units * sides + 8 * units * units
}

/** The block without the adapters that have nothing open in it. */
function addBlock(
  blocks: CompareBlock[],
  row: readonly number[],
  column: readonly number[] | null,
  isOpen: (left: number, right: number) => boolean,
): void {
  const left = row.filter((place) => (column ?? row).some((other) => isOpen(place, other)))
  if (left.length === 0) return
  blocks.push({ left, right: column?.filter((place) => left.some((other) => isOpen(place, other))) ?? null })
}

/** Products of units that a block takes; the measure of its time. */
export function blockWork({ left, right }: CompareBlock, sizes: readonly CompareSize[]): number {
  const units = (places: readonly number[]) => places.reduce((sum, place) => sum + sizes[place]!.units, 0)
  return right === null ? units(left) ** 2 / 2 : units(left) * units(right)
}
