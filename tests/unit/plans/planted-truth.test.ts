import { expect, test } from 'vitest'
import { pairedOnly, truths, verdictsUnder, wholePath } from '../../helpers/planted-truth.ts'

const plans = 2000
const worlds = ['recycling does nothing', 'only rescaling does something', 'random adapters do as well'] as const

test.each(worlds)('2,000 plans, %s: at most one in twenty says that recycling helps', { timeout: 180_000 }, (name) => {
  const counts = verdictsUnder(truths[name], plans, 300, pairedOnly)
  console.log(`${name}: ${[...counts].map(([outcome, count]) => `${outcome} ${((100 * count) / plans).toFixed(2)} %`).join(', ')}`)
  expect((counts.get('recycling-helps') ?? 0) / plans).toBeLessThanOrEqual(0.05)
  expect(counts.get('harmful') ?? 0).toBe(0)
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(plans)
})

// The whole path takes ten times as long; all 2,000 of every world are in the benchmark "verdict".
test('the whole path from outcomes to the verdict keeps that bound', { timeout: 180_000 }, () => {
  const counts = verdictsUnder(truths['random adapters do as well'], 100, 300, wholePath)
  expect(counts.get('recycling-helps') ?? 0).toBeLessThanOrEqual(5)
})

test('a large effect on a large test is found nearly always', { timeout: 120_000 }, () => {
  const counts = verdictsUnder(truths['recycled content adds 14 points'], 100, 1000, pairedOnly)
  expect(counts.get('recycling-helps') ?? 0).toBeGreaterThanOrEqual(97)
})
