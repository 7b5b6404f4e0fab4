import { createRandom, type Random } from '../statistics/random.ts'

/** Generations that one seed has streams for. */
const mostGenerations = 2 ** 21

/** The random numbers of one generation: they follow from seed and generation alone, so that nothing of a generator has to be kept. */
export function drawsOf(seed: number, generation: number): Random {
  if (!(generation >= 0 && generation < mostGenerations)) throw new RangeError(`there are no random numbers for generation ${generation}`)
  return createRandom(createRandom(seed).next() * mostGenerations + generation)
}

/** `count` independent standard normal numbers, by the transform of Box and Muller (1958). */
export function normalDraws(random: Random, count: number): number[] {
  const draws: number[] = []
  while (draws.length < count) {
    // 1 - u lies in (0, 1], where the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()))
    const angle = 2 * Math.PI * random.uniform()
    draws.push(radius * Math.cos(angle), radius * Math.sin(angle))
  }
  return draws.slice(0, count)
}
