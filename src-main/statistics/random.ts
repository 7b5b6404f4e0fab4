/**
 * Random numbers that depend on a seed alone, the same on every machine: xoshiro128** of Blackman and Vigna (2021, "Scrambled linear pseudorandom number
 * generators"; period 2^128 - 1), its state filled from the seed by the finaliser of MurmurHash3 over a Weyl sequence. Not for secrets.
 */
export interface Random {
  /** A uniform 32-bit number, 0 to 2^32 - 1. */
  next(): number
  /** A uniform integer from 0 to `bound` - 1, without the bias of a remainder. `bound` is an integer from 1 to 2^32; RangeError otherwise. */
  below(bound: number): number
  /** Fills `target` with uniform integers below `bound` (1 to 2^21): the same numbers that below() would give, faster. */
  fillBelow(bound: number, target: Uint32Array): void
  /** A uniform number in [0, 1), a multiple of 2^-53. */
  uniform(): number
}

/** Up to here the product of a 32-bit number and a bound is exact in a double. */
const exactBound = 2 ** 21
const range = 2 ** 32

/** A generator whose numbers follow from `seed`, any safe integer. */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`the seed ${seed} is not a safe integer`)
  const state = seededState(seed)

  function next(): number {
    const [s0, s1, s2, s3] = state as unknown as [number, number, number, number]
    const result = Math.imul(rotated(Math.imul(s1, 5), 7), 9) >>> 0
    state[2] = s2 ^ s0 ^ (s1 << 9)
    state[3] = rotated(s3 ^ s1, 11)
    state[1] = s1 ^ s2 ^ s0
    state[0] = s0 ^ s3 ^ s1
    return result
  }

  /** Lemire (2019): the high word of the product of a random word and the bound; low words below 2^32 mod bound are drawn again. */
  function below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > range) throw new RangeError(`${bound} is no bound from 1 to 2^32`)
    if (bound > exactBound) return belowLarge(bound, next)
    const threshold = (range - bound) % bound
    for (;;) {
      const product = next() * bound
      const high = Math.floor(product / range)
      if (product - high * range >= threshold) return high
    }
  }

  return {
    next,
    below,
    fillBelow(bound, target) {
      if (!Number.isInteger(bound) || bound < 1 || bound > exactBound) throw new RangeError(`${bound} is no bound from 1 to 2^21`)
      const threshold = (range - bound) % bound
      // The state lives in local variables here: resampling draws tens of millions of numbers.
      let [s0, s1, s2, s3] = state as unknown as [number, number, number, number]
      let filled = 0
      while (filled < target.length) {
        const product = (Math.imul(rotated(Math.imul(s1, 5), 7), 9) >>> 0) * bound
        const shifted = s1 << 9
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = rotated(s3, 11)
        const high = Math.floor(product / range)
        if (product - high * range >= threshold) target[filled++] = high
      }
      state.set([s0, s1, s2, s3])
    },
    uniform: () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53,
  }
}

/** For bounds whose products are not exact: numbers beyond the last whole multiple of the bound are drawn again. */
function belowLarge(bound: number, next: () => number): number {
  const limit = range - (range % bound)
  for (;;) {
    const drawn = next()
    if (drawn < limit) return drawn % bound
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function seededState(seed: number): Int32Array {
  const low = seed | 0
  // The high word of the seed as a two's complement number, so that negative and large seeds differ from all others.
  const high = Math.floor(seed / range) | 0
  let weyl = low ^ mixed(high)
  const state = Int32Array.from({ length: 4 }, () => mixed((weyl = (weyl + 0x9e3779b9) | 0)))
  if (state.every((word) => word === 0)) state[0] = 1
  return state
}

function mixed(word: number): number {
  let mix = word
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b)
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35)
  return mix ^ (mix >>> 16)
}
