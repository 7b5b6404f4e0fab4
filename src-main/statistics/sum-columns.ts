import type { Random } from './random.ts'

/**
 * Sums over resamples of one task: seeds and examples are drawn as twoLevelBootstrap draws them, and each of `sides` (a row of values for each seed, or a
 * single one for all) is summed over what was drawn. By side and resample. Rows of zeros and ones, which most are, are summed several at a time:
 * each has some bits of a 53-bit whole number to itself, enough that no sum overflows, so nothing is rounded.
 */
export function sumColumns(
  sides: readonly (readonly ArrayLike<number>[])[],
  seeds: number,
  times: number,
  random: Random,
): readonly Float64Array[] {
  const columns = sides.flat()
  const examples = columns[0]!.length
  const binary = columns.map((column, place) => (isBinary(column) ? place : -1)).filter((place) => place >= 0)
  const others = columns
    .map((column, place) => ({ place, column: Float64Array.from(column) }))
    .filter(({ place }) => !binary.includes(place))
  const bits = Math.floor(Math.log2(examples)) + 1
  const packs = packColumns(columns, binary, bits)
  const field = 2 ** bits
  const drawn = new Uint32Array(examples)
  const counts = new Float64Array(seeds)
  const columnSums = new Float64Array(columns.length)
  const sums = sides.map(() => new Float64Array(times))
  for (let time = 0; time < times; time++) {
    drawSeeds(counts, random)
    random.fillBelow(examples, drawn)
    for (let p = 0; p < packs.length; p++) {
      const { places, packed } = packs[p]!
      let rest = sumDrawn(packed, drawn)
      for (let k = 0; k < places.length; k++) {
        const higher = Math.floor(rest / field)
        columnSums[places[k]!] = rest - higher * field
        rest = higher
      }
    }
    for (let p = 0; p < others.length; p++) columnSums[others[p]!.place] = sumDrawn(others[p]!.column, drawn)
    let place = 0
    for (let side = 0; side < sides.length; side++) {
      const rows = sides[side]!.length
      let sum = 0
      // A single row counts for every seed, and as many seeds are drawn as there are.
      if (rows === 1) sum = seeds * columnSums[place]!
      else for (let s = 0; s < rows; s++) if (counts[s] !== 0) sum += counts[s]! * columnSums[place + s]!
      sums[side]![time] = sum
      place += rows
    }
  }
  return sums
}

function drawSeeds(counts: Float64Array, random: Random): void {
  counts.fill(0)
  if (counts.length === 1) counts[0] = 1
  else for (let i = 0; i < counts.length; i++) counts[random.below(counts.length)]! += 1
}

function sumDrawn(column: Float64Array, drawn: Uint32Array): number {
  let sum = 0
  for (let i = 0; i < drawn.length; i++) sum += column[drawn[i]!]!
  return sum
}

/** As many columns of zeros and ones as fit into the 53 bits of a whole number, each with `bits` of its own. */
function packColumns(columns: readonly ArrayLike<number>[], binary: readonly number[], bits: number) {
  const perPack = Math.max(1, Math.floor(53 / bits))
  return Array.from({ length: Math.ceil(binary.length / perPack) }, (_, pack) => {
    const places = binary.slice(pack * perPack, (pack + 1) * perPack)
    const packed = new Float64Array(columns[0]!.length)
    places.forEach((place, k) => {
      const column = columns[place]!
      for (let i = 0; i < packed.length; i++) packed[i]! += column[i]! * 2 ** (bits * k)
    })
    return { places, packed }
  })
}

function isBinary(column: ArrayLike<number>): boolean {
  for (let i = 0; i < column.length; i++) if (column[i] !== 0 && column[i] !== 1) return false
  return true
}
