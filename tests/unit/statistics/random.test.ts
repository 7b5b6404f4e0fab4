import { expect, test } from 'vitest'
import { createRandom } from '../../../src-main/statistics/random.ts'

/** xoshiro128** once more, in big integers after its publication, from the state that the seed gives. */
function* reference(state: bigint[]): Generator<number> {
  const word = (1n << 32n) - 1n
  const rotated = (value: bigint, bits: bigint) => ((value << bits) | (value >> (32n - bits))) & word
  const [s0, s1, s2, s3] = [0, 1, 2, 3] as const
  for (;;) {
    yield Number((rotated((state[s1]! * 5n) & word, 7n) * 9n) & word)
    const shifted = (state[s1]! << 9n) & word
    state[s2]! ^= state[s0]!
    state[s3]! ^= state[s1]!
    state[s1]! ^= state[s2]!
    state[s0]! ^= state[s3]!
    state[s2]! ^= shifted
    state[s3] = rotated(state[s3]!, 11n)
  }
}

/** The four words that the seed 1 gives: the finaliser of MurmurHash3 over a Weyl sequence, in big integers. */
function stateOf(seed: bigint): bigint[] {
  const word = (1n << 32n) - 1n
  const mixed = (value: bigint) => {
    let mix = value
    mix = ((mix ^ (mix >> 16n)) * 0x85ebca6bn) & word
    mix = ((mix ^ (mix >> 13n)) * 0xc2b2ae35n) & word
    return mix ^ (mix >> 16n)
  }
  return [1n, 2n, 3n, 4n].map((step) => mixed((seed + step * 0x9e3779b9n) & word))
}

test('the numbers are those of xoshiro128**', () => {
  // The published test vector of the state 1, 2, 3, 4 holds for the reference here.
  const published = reference([1n, 2n, 3n, 4n])
  expect([published.next().value, published.next().value, published.next().value, published.next().value]).toEqual([
    11520, 0, 5927040, 70819200,
  ])
  for (const seed of [0, 1, 42, 4294967295]) {
    const expected = reference(stateOf(BigInt(seed)))
    const random = createRandom(seed)
    for (let i = 0; i < 200; i++) expect(random.next()).toBe(expected.next().value)
  }
})

test('seeds give streams of their own, large and negative ones too', () => {
  const first = (seed: number) => createRandom(seed).next()
  expect(first(7)).toBe(first(7))
  const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
  expect(new Set(seeds.map(first)).size).toBe(seeds.length)
  expect(() => createRandom(1.5)).toThrow(RangeError)
})

test('fillBelow gives the numbers of below, and goes on where it stopped', () => {
  for (const bound of [1, 2, 3, 10, 1000, 2 ** 21 - 1, 2 ** 21]) {
    const [one, other] = [createRandom(9), createRandom(9)]
    const filled = new Uint32Array(500)
    one.fillBelow(bound, filled.subarray(0, 200))
    one.fillBelow(bound, filled.subarray(200))
    expect([...filled]).toEqual(Array.from({ length: 500 }, () => other.below(bound)))
    expect(one.next()).toBe(other.next())
  }
})

test('integers below a bound are uniform, also where a remainder would favour the small ones', () => {
  // For 3 * 2^30 the remainder of a 32-bit number would come from the lower third twice as often as from the others.
  const bound = 3 * 2 ** 30
  const random = createRandom(3)
  const counts = [0, 0, 0]
  const draws = 30_000
  for (let i = 0; i < draws; i++) {
    const drawn = random.below(bound)
    expect(drawn).toBeLessThan(bound)
    counts[Math.floor(drawn / 2 ** 30)]! += 1
  }
  // Chi-squared with 2 degrees of freedom: 13.8 is passed once in a thousand.
  expect(counts.reduce((sum, count) => sum + (count - draws / 3) ** 2 / (draws / 3), 0)).toBeLessThan(13.8)

  const small = new Array<number>(7).fill(0)
  for (let i = 0; i < draws; i++) small[random.below(7)]! += 1
  expect(small.reduce((sum, count) => sum + (count - draws / 7) ** 2 / (draws / 7), 0)).toBeLessThan(22.5)
})

test('uniform numbers lie in [0, 1) with the moments of a uniform distribution', () => {
  const random = createRandom(5)
  const values = Array.from({ length: 50_000 }, () => random.uniform())
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...values)).toBeLessThan(1)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  expect(mean).toBeCloseTo(0.5, 2)
  expect(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length).toBeCloseTo(1 / 12, 2)
})

test('bounds that make no sense are refused', () => {
  const random = createRandom(1)
  for (const bound of [0, -1, 1.5, NaN, 2 ** 32 + 1]) expect(() => random.below(bound)).toThrow(RangeError)
  expect(() => random.fillBelow(2 ** 21 + 1, new Uint32Array(1))).toThrow(RangeError)
  expect(random.below(2 ** 32)).toBeLessThan(2 ** 32)
})
