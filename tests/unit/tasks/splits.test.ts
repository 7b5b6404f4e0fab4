import { describe, expect, test } from 'vitest'
import { splits, type Example } from '../../../src-main/contract/task.ts'
import { checkExamples } from '../../../src-main/tasks/check-examples.ts'
import { dealSplits, seededOrder } from '../../../src-main/tasks/deal-splits.ts'
import { ownIdOf, questionKey, withIds } from '../../../src-main/tasks/example-ids.ts'
import { labelledExamples } from '../../../src-main/tasks/labelled.ts'

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((left, right) => left.key - right.key)
    .map(({ item }) => item)
}

const raw = (input: string, answer = 'x') => ({ ownId: null, inputs: { input }, answer })
const numbered = (count: number) =>
  withIds(Array.from({ length: count }, (_, index) => raw(`question ${index}`, index % 2 ? 'odd' : 'even')))

describe('dealing examples out', () => {
  test('never puts an input into two splits, loses nothing, and does not depend on the order of rows', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed)
      const rows = Array.from({ length: 3 + Math.floor(random() * 80) }, () =>
        raw(`q${Math.floor(random() * 40)}`, `a${Math.floor(random() * 3)}`),
      )
      const sizes = {
        train: Math.floor(random() * 30),
        validation: Math.floor(random() * 10),
        test: random() < 0.5 ? null : Math.floor(random() * 20),
      }
      const dealt = dealSplits(withIds(rows), seed, sizes)
      const again = dealSplits(withIds(shuffled(rows, random)), seed, sizes)
      const inputs = splits.map((split) => new Set(dealt[split].map(questionKey)))
      const total = splits.reduce((sum, split) => sum + dealt[split].length, 0)
      expect(new Set(inputs.flatMap((set) => [...set])).size, `seed ${seed}`).toBe(inputs.reduce((sum, set) => sum + set.size, 0))
      if (sizes.test === null) expect(total).toBe(rows.length)
      for (const split of splits) expect(again[split]).toEqual(dealt[split])
      expect(checkExamples({}, dealt).leaks).toBe(0)
    }
  })

  test('gives as many as asked where no input repeats, the rest for testing', () => {
    const dealt = dealSplits(numbered(100), 5, { train: 60, validation: 15, test: null })
    expect(splits.map((split) => dealt[split].length)).toEqual([60, 15, 25])
    expect(splits.map((split) => dealSplits(numbered(100), 5, { train: 60, validation: 15, test: 10 })[split].length)).toEqual([60, 15, 10])
    expect(dealSplits(numbered(100), 6, { train: 60, validation: 15, test: null }).test).not.toEqual(dealt.test)
  })

  test('keeps every example where it is when others are added: only its own hash decides its place in the order', () => {
    const order = seededOrder(numbered(50), 3).map(({ id }) => id)
    const longer = seededOrder(numbered(80), 3).map(({ id }) => id)
    expect(longer.filter((id) => order.includes(id))).toEqual(order)
  })
})

describe('ids of examples', () => {
  test('are the same for the same content, and its own where a row has one', () => {
    const [first, second, own] = withIds([raw('hot', 'cold'), raw('cold', 'hot'), { ...raw('hot', 'cold'), ownId: 'row-7' }])
    // SHA-256 of {"answer":"cold","inputs":{"input":"hot"}}
    expect(first?.id).toBe('3bd752110fe027f4')
    expect(second?.id).not.toBe(first?.id)
    expect(own?.id).toBe('row-7')
  })

  test('stay unlike when rows repeat, also when a row is called as a repeated one would be', () => {
    const rows = [
      { ...raw('a'), ownId: 'x' },
      { ...raw('a'), ownId: 'x-2' },
      { ...raw('a'), ownId: 'x' },
      { ...raw('a'), ownId: 'x' },
    ]
    expect(withIds(rows).map(({ id }) => id)).toEqual(['x', 'x-2', 'x-3', 'x-4'])
  })

  test('of rows are texts or numbers', () => {
    expect([7, 'seven', '', null, 'a\nb', {}, Number.NaN, 'x'.repeat(201)].map(ownIdOf)).toEqual([
      '7',
      'seven',
      null,
      null,
      null,
      null,
      null,
      null,
    ])
  })
})

describe('what is said of examples', () => {
  const of = (train: readonly Example[], validation: readonly Example[], test: readonly Example[]) => ({ train, validation, test })

  test('counts repeated ones within a split and inputs that another split has, with their ids', () => {
    const train = withIds([raw('a'), raw('b'), raw('a'), raw('a')])
    const tests = withIds([raw('b', 'another answer'), raw('c')])
    const check = checkExamples({}, of(train, withIds([raw('d')]), tests))
    expect(check).toMatchObject({ counts: { train: 4, validation: 1, test: 2 }, duplicates: 2, leaks: 1 })
    expect(check.problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'warning examples-repeated',
      'warning examples-leaked',
    ])
    expect(check.problems[0]?.message).toContain(`${train[0]?.id}-2, ${train[0]?.id}-3`)
    expect(check.problems[1]?.message).toContain(tests[0]?.id)
  })

  test('names empty splits, a single example, and answers that are no label', () => {
    const codes = (labels: string[] | undefined, examples: ReturnType<typeof of>) =>
      checkExamples({ labels }, examples).problems.map(({ code }) => code)
    expect(codes(undefined, of(numbered(3), [], []))).toEqual(['split-empty'])
    expect(codes(undefined, of(numbered(1), [], []))).toEqual(['split-empty', 'task-small'])
    expect(codes(['even', 'odd'], of(numbered(4), withIds([raw('v', 'even')]), withIds([raw('t', 'neither')])))).toEqual(['label-unknown'])
  })
})

describe('the labelled examples of a budget', () => {
  const examples = { train: numbered(200).slice(0, 80), validation: numbered(200).slice(80, 100), test: numbered(200).slice(100) }
  const count = (split: Parameters<typeof labelledExamples>[0]['split'], budget: 10 | 30 | 100 | null, from = examples) =>
    labelledExamples({ examples: from, split, budget, seed: 1 })

  test('are 10 and 0, 24 and 6, 80 and 20', () => {
    const sizes = ([10, 30, 100] as const).map((budget) => [
      count('train', budget),
      count('validation', budget),
      count('train+validation', budget),
    ])
    expect(sizes.map((row) => row.map((part) => part.examples.length))).toEqual([[10, 0, 10], [24, 6, 30], [80, 20, 100]]) // prettier-ignore
    expect(sizes[0]?.[1]?.problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['error split-empty'])
    expect(sizes.flat().flatMap(({ problems }) => problems)).toHaveLength(1)
  })

  test('of a smaller budget are among those of a larger one, in the order of the file', () => {
    const [few, more] = [count('train', 10).examples, count('train', 30).examples]
    expect(more).toEqual(expect.arrayContaining([...few]))
    expect(few).toEqual(examples.train.filter((example) => few.includes(example)))
    expect(labelledExamples({ examples, split: 'train', budget: 10, seed: 2 }).examples).not.toEqual(few)
  })

  test('are all there are in a smaller task, and it is said; test is not touched', () => {
    const small = { train: numbered(30).slice(0, 20), validation: numbered(30).slice(20, 22), test: [] }
    const found = count('train+validation', 30, small)
    expect(found.examples).toHaveLength(22)
    expect(found.problems.map(({ code, message }) => [code, message])).toEqual([
      ['task-small', 'The task has 20 of the 24 examples for train; all of them are used.'],
      ['task-small', 'The task has 2 of the 6 examples for validation; all of them are used.'],
    ])
    expect(count('test', 10).examples).toHaveLength(100)
    expect(count('test', null, small).problems.map(({ code }) => code)).toEqual(['split-empty'])
    expect(count('train', null).examples).toEqual(examples.train)
  })
})
