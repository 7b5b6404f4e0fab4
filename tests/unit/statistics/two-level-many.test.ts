import { expect, test } from 'vitest'
import { createRandom } from '../../../src-main/statistics/random.ts'
import { twoLevelMany, type Contrast, type Rows } from '../../../src-main/statistics/two-level-many.ts'
import { twoLevelBootstrap } from '../../../src-main/statistics/two-level.ts'

const random = createRandom(7)
const binary = (seeds: number, examples: number, share: number): Rows =>
  Array.from({ length: seeds }, () => Array.from({ length: examples }, () => Number(random.uniform() < share)))
const real = (seeds: number, examples: number): Rows =>
  Array.from({ length: seeds }, () => Array.from({ length: examples }, random.uniform))

/** The slow and obvious way: the differences of every seed, one contrast after the other. */
function reference(contrast: Contrast, options: { readonly resamples: number }) {
  const tasks = contrast.map(({ here, there }) => {
    const seeds = Math.max(here.length, there?.length ?? 0)
    return Array.from({ length: seeds }, (_, seed) => {
      const own = Array.from(here[here.length === 1 ? 0 : seed]!)
      const other = there?.[there.length === 1 ? 0 : seed]
      return own.map((value, index) => value - (other?.[index] ?? 0))
    })
  })
  return twoLevelBootstrap(tasks, options)
}

test.each([
  [1, 40],
  [3, 40],
  [5, 1],
  [2, 1030],
])('many contrasts of zeros and ones at once have the numbers of each alone: %i seeds, %i examples', (seeds, examples) => {
  const base = binary(1, examples, 0.4)
  const arms = [binary(seeds, examples, 0.6), binary(seeds, examples, 0.65), binary(seeds, examples, 0.5), binary(seeds, examples, 0.9)]
  const contrasts: Contrast[] = [
    [{ here: base, there: null }],
    ...arms.flatMap((arm): Contrast[] => [
      [{ here: arm, there: null }],
      [{ here: arm, there: base }],
      [{ here: base, there: arm }],
      [{ here: arm, there: arms[0]! }],
    ]),
  ]
  const options = { resamples: 400 }
  expect(twoLevelMany(contrasts, options)).toEqual(contrasts.map((contrast) => reference(contrast, options)))
})

test('the same over several tasks of unlike shapes', () => {
  const places = [
    { base: binary(1, 30, 0.3), one: binary(3, 30, 0.5), two: binary(3, 30, 0.6) },
    { base: binary(1, 50, 0.2), one: binary(2, 50, 0.4), two: binary(2, 50, 0.4) },
    { base: binary(1, 7, 0.5), one: binary(1, 7, 0.5), two: binary(1, 7, 0.9) },
  ]
  const contrasts: Contrast[] = [
    places.map(({ one }) => ({ here: one, there: null })),
    places.map(({ one, base }) => ({ here: one, there: base })),
    places.map(({ two, one }) => ({ here: two, there: one })),
    places.map(({ base }) => ({ here: base, there: null })),
  ]
  const options = { resamples: 300 }
  expect(twoLevelMany(contrasts, options)).toEqual(contrasts.map((contrast) => reference(contrast, options)))
})

test('values of any size agree to the last digits', () => {
  const [one, two] = [real(3, 25), real(3, 25)]
  const contrasts: Contrast[] = [[{ here: one, there: two }], [{ here: two, there: null }]]
  const options = { resamples: 500 }
  const found = twoLevelMany(contrasts, options)
  contrasts.forEach((contrast, index) => {
    const expected = reference(contrast, options)
    for (const end of ['value', 'low', 'high'] as const) expect(found[index]![end]).toBeCloseTo(expected[end], 12)
  })
})

test('what has no values, or rows that do not fit together, is refused', () => {
  expect(() => twoLevelMany([[]])).toThrow(RangeError)
  expect(() => twoLevelMany([[{ here: [], there: null }]])).toThrow('no differences')
  expect(() => twoLevelMany([[{ here: [[1, 0], [1]], there: null }]])).toThrow('unlike numbers of examples')
  expect(() => twoLevelMany([[{ here: binary(3, 4, 0.5), there: binary(2, 4, 0.5) }]])).toThrow('unlike numbers of seeds')
})
