import { describe, expect, test } from 'vitest'
import type { ArmRole } from '../../../src-main/contract/plan.ts'
import { measureArms, type ComparedArm } from '../../../src-main/plans/measure-arms.ts'
import { speakVerdict, type VerdictFacts } from '../../../src-main/plans/verdict-words.ts'
import type { Interval } from '../../../src-main/statistics/interval.ts'
import { judge } from '../../../src-main/statistics/verdict.ts'

const above: Interval = { value: 0.1, low: 0.05, high: 0.15 }
const nothing: Interval = { value: 0.001, low: -0.01, high: 0.012 }
const below: Interval = { value: -0.1, low: -0.15, high: -0.05 }
const open: Interval = { value: 0.018, low: -0.004, high: 0.04 }

type Differences = Readonly<Record<string, Interval>>
const values: Readonly<Record<ArmRole, number>> = {
  ...{ base: 0.467, own: 0.657, merged: 0.652, mergedWithOwn: 0.675, random: 0.609, randomWithOwn: 0.672, retuned: 0.66 },
}

function speak(differences: Differences, given: Partial<VerdictFacts> = {}) {
  const verdict = judge((arm, to) => differences[`${arm} ${to}`] ?? null, 0.02)
  const decisive = verdict.decisive && {
    ...{ interval: verdict.decisive.difference, examples: 300, tasks: 1, seeds: 1, disagreement: 0.12, split: null },
  }
  return speakVerdict({
    ...{ task: 't', verdict, decisive, valueAt: (role: ArmRole) => values[role], isPlanned: () => true },
    ...{ unit: 'fraction', labelled: 100, smallTasks: 0, margin: 0.02 },
    ...given,
  })
}

const toOthers = (own: Interval, retuned: Interval, random: Interval): Differences => ({
  ...{ 'merged base': above, 'mergedWithOwn base': above },
  ...{ 'mergedWithOwn own': own, 'mergedWithOwn retuned': retuned, 'mergedWithOwn randomWithOwn': random },
})

describe('the headline is that of the rule', () => {
  test.each<[string, Differences, string]>([
    ['train', toOthers(nothing, above, above), 'Train your own LoRA; recycling brought nothing measurable here.'],
    ['train', toOthers(below, above, above), 'Train your own LoRA; recycling brought nothing measurable here.'],
    ['rescaling', toOthers(above, nothing, above), 'The gain is re-scaling of your own LoRA, not the recycled ones.'],
    [
      'random-as-well',
      toOthers(above, above, nothing),
      'Random adapters do as well: a regularisation-like effect, not reuse of knowledge.',
    ],
    [
      'recycling-helps',
      toOthers(above, above, above),
      'These LoRAs add something for this task; the ablation lists those whose removal lowers the score.',
    ],
    ['tuning-only', { 'merged base': above, 'merged random': nothing }, 'Tuned coefficients help, the recycled content does not.'],
    // The sentence of the rule would say more than was measured: that tuning helps.
    [
      'tuning-only',
      { 'merged base': open, 'merged random': nothing },
      'The recycled content brought nothing measurable over random parameters.',
    ],
    ['tuning-only', { 'merged random': below }, 'The recycled content brought nothing measurable over random parameters.'],
    ['content-helps', { 'merged base': above, 'merged random': above }, 'Recycled content helps by 10.0 points.'],
    ['harmful', { 'merged base': below }, 'Do not ship this merge: the merge without your LoRA is below the base model.'],
    [
      'harmful',
      { ...toOthers(above, above, above), 'mergedWithOwn base': below },
      'Do not ship this merge: the merge with your LoRA is below the base model.',
    ],
    ['harmful', { 'merged base': below, 'mergedWithOwn base': below }, 'Do not ship these merges: they are below the base model.'],
    ['undecided', toOthers(open, above, above), 'Not decidable with this test set.'],
    ['incomplete', { 'merged base': above, 'mergedWithOwn own': above }, 'No verdict: there is no result of your own LoRA re-tuned.'],
  ])('%s', (outcome, differences, headline) => {
    const spoken = speak(differences, { valueAt: (role) => (role === 'retuned' && outcome === 'incomplete' ? null : values[role]) })
    expect([spoken.verdict.outcome, spoken.headline]).toEqual([outcome, headline])
    expect(spoken.toDecide === null).toBe(outcome !== 'undecided' && outcome !== 'incomplete')
  })
})

test('over several tasks it speaks of these', () => {
  expect(speak(toOthers(above, above, above), { task: null }).headline).toContain('add something for these tasks')
  expect(speak(toOthers(open, above, above), { task: null }).headline).toBe('Not decidable with these test sets.')
})

test('the statement is filled from the measured arms, with one decimal, and says what is missing', () => {
  expect(speak(toOthers(above, above, above)).statement).toBe(
    'Base 46.7. Your own LoRA on the same 100 examples 65.7. Merge without it 65.2, with it 67.5. ' +
      "Same merge with random parameters: without it 60.9, with it 67.2. Only re-tuning your own LoRA's coefficients 66.0.",
  )
  const few = speak(toOthers(above, above, above), { labelled: null, valueAt: (role) => (role === 'base' ? 0.5 : null) })
  expect(few.statement).toContain('Base 50.0. Your own LoRA on the same examples not measured. Merge without it not measured')
  const loss = speak(toOthers(above, above, above), { unit: 'nats', valueAt: () => 1.23456 })
  expect(loss.statement).toContain('Base 1.235.')
  expect(loss.strength).toContain('+0.100 nats')
})

test('the strength names difference, interval and n, and never more than the reading', () => {
  expect(speak(toOthers(nothing, above, above)).strength).toBe(
    'The merge with your LoRA minus your own LoRA: +0.1 points (95 % interval −1.0 to +1.2), paired over 300 test examples and one seed. ' +
      'The interval holds 0 and ends below the margin of 2.0 points.',
  )
  expect(speak(toOthers(below, above, above)).strength).toContain('The interval lies below 0.')
  expect(speak(toOthers(above, above, above)).strength).toContain('minus your LoRA with random parameters: +10.0 points')
  expect(speak(toOthers(above, above, above), { smallTasks: 1 }).strength).toContain('Fewer than 30 test examples: an anecdote.')
  const decisive = { interval: above, examples: 1200, tasks: 4, seeds: 3, disagreement: 0.1, split: null }
  expect(speak(toOthers(above, above, above), { task: null, smallTasks: 2, decisive }).strength).toContain(
    'paired over 1,200 test examples, 4 tasks and 3 seeds. The interval lies above 0. 2 of the tasks have fewer than 30 test examples.',
  )
})

test('where no example tells two arms apart, it says what the interval is, and how many would rule out the margin', () => {
  const same: Interval = { value: 0, low: -0.036, high: 0.036 }
  const speakOf = (examples: number, given: Partial<VerdictFacts> = {}) => {
    const decisive = { interval: same, examples, tasks: 1, seeds: 1, disagreement: 0, split: null }
    return speak(toOthers(same, above, above), { decisive, ...given })
  }
  expect(speakOf(100).strength).toContain('No test example tells the two apart; the interval is what so many examples cannot rule out.')
  expect(speakOf(100).toDecide).toBe('183 test examples without one that tells the two apart would rule out the margin (there are 100).')
  expect(speakOf(100, { unit: 'nats' }).strength).not.toContain('tells the two apart')
  expect(speak(toOthers(nothing, above, above)).strength).not.toContain('tells the two apart')
})

describe('what would decide it', () => {
  test('on one task so many test examples that the difference would leave out 0', () => {
    // 2.8015852^2 * 0.12 / 0.018^2 = 2,907 examples.
    expect(speak(toOthers(open, above, above)).toDecide).toBe(
      'About 3,000 test examples (there are 300) would decide it if the difference stays at +1.8 points; results on more tasks of the kind count too.',
    )
  })

  test('or that the margin would be left out, where that takes fewer', () => {
    // Nothing between the two: 0.02 must be left out. 2.8015852^2 * 0.12 / 0.02^2 = 2,355 examples.
    const spoken = speak(toOthers({ value: 0, low: -0.03, high: 0.03 }, above, above))
    expect(spoken.toDecide).toContain('About 2,400 test examples (there are 300) would decide it if the difference stays at 0.0 points')
  })

  test('over several tasks so many tasks', () => {
    const interval = { value: 0.03, low: -0.02, high: 0.08 }
    const decisive = { interval, examples: 1800, tasks: 6, seeds: 1, disagreement: 0.2, split: null }
    // (2.8015852 * 0.05 / 1.959964 / 0.03)^2 * 6 = 34.05 tasks.
    expect(speak(toOthers(interval, above, above), { task: null, decisive }).toDecide).toBe(
      'About 35 tasks (there are 6) would decide it if the difference stays at +3.0 points; more test examples in each help where they are few.',
    )
  })

  test('a loss has differences of any size', () => {
    const interval = { value: 2, low: -1, high: 5 }
    const decisive = { interval, examples: 50, tasks: 1, seeds: 1, disagreement: 90, split: null }
    // 2.8015852^2 * 90 / 2^2 = 176.6 examples.
    expect(speak(toOthers(interval, above, above), { unit: 'nats', decisive }).toDecide).toContain('About 180 test examples (there are 50)')
  })

  test('arms that are not in the plan are to be added, those without a result to be run', () => {
    const missing = (roles: readonly ArmRole[]) => ({ valueAt: (role: ArmRole) => (roles.includes(role) ? null : values[role]) })
    const noRetuned = { 'mergedWithOwn own': above }
    expect(speak(noRetuned, { ...missing(['retuned']), isPlanned: (role) => role !== 'retuned' }).toDecide).toBe(
      'Add to the plan: your own LoRA re-tuned (role retuned).',
    )
    expect(speak(noRetuned, missing(['retuned'])).toDecide).toBe('Run: your own LoRA re-tuned.')
    // Without an own LoRA in the plan the verdict is that of rule 5.
    const spoken = speak({}, { ...missing(['own', 'mergedWithOwn', 'random']), isPlanned: (role) => role === 'merged' || role === 'base' })
    expect([spoken.headline, spoken.strength, spoken.toDecide]).toEqual([
      'No verdict: there is no result of the merge with random parameters.',
      'Nothing was compared: the verdict needs the arms that are missing.',
      'Add to the plan: the merge with random parameters (role random).',
    ])
    expect(speak({}, missing(['own'])).toDecide).toBe('Run: your own LoRA.')
  })

  test('what is asked for is always more than there is', () => {
    const needed: number[] = []
    for (let here = 0; here <= 60; here += 3) {
      const right = (from: number, count: number) =>
        Array.from({ length: 200 }, (_, index) => Number(index >= from && index < from + count))
      const arm = (id: string, values_: readonly number[]): ComparedArm => ({
        ...{ id, role: null },
        tasks: new Map([['t', { exampleIds: [], bySeed: [values_] }]]),
      })
      const place = { task: 't', over: ['t'] }
      const decisive = measureArms([arm('a', right(0, here)), arm('b', right(100, 30))], [place], [['a', 'b']])('a', 'b', place)!
      const spoken = speak(toOthers(decisive.interval, above, above), { decisive })
      if (spoken.verdict.outcome === 'undecided') needed.push(Number(/About ([\d,]+)/.exec(spoken.toDecide!)![1]!.replaceAll(',', '')))
    }
    expect(needed.length).toBeGreaterThan(4)
    expect(Math.min(...needed)).toBeGreaterThan(200)
  })
})
