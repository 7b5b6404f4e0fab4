import { describe, expect, test } from 'vitest'
import type { RunRow, RunsComparison } from '../../../src-main/contract/runs-list.ts'
import { archivable, comparedAtMost, comparedRefs, comparisonGroups, rangeOf, rowMove } from '../../../src-renderer/state/runs-table.ts'
import { differenceWords, intervalOf, removalWords, stateMark, valueOf } from '../../../src-renderer/views/runs/run-words.ts'

function row(id: string, given: Partial<RunRow> = {}): RunRow {
  return {
    ...{ kind: 'evaluation', id, title: id, task: 'reviews', base: 'tiny', state: 'done', value: 0.657, low: 0.6, high: 0.71, n: 300 },
    ...{ metric: 'exact_match', at: '2026-11-22T10:00:00.000Z', archived: false, pinned: false },
    ...given,
  }
}

describe('what is compared', () => {
  const [a, b, plan] = [row('a'), row('b'), row('p', { kind: 'plan' })]
  const ids = (...given: Parameters<typeof comparedRefs>) => comparedRefs(...given).map(({ id }) => id)

  test('is the selection in its order, as references', () => {
    expect(comparedRefs([b, plan, a], null)).toEqual([
      { kind: 'evaluation', id: 'b' },
      { kind: 'plan', id: 'p' },
      { kind: 'evaluation', id: 'a' },
    ])
  })

  test('has the pinned run first, once, where one of its kind is selected', () => {
    expect(ids([a, b], row('pin'))).toEqual(['pin', 'a', 'b'])
    expect(ids([a, b], b)).toEqual(['b', 'a'])
    expect(ids([a, b], plan)).toEqual(['a', 'b'])
    // One run alone is looked at, not compared.
    expect(ids([a], row('pin'))).toEqual(['a'])
  })

  test('ends where the host would refuse', () => {
    const many = Array.from({ length: 60 }, (_, index) => row(`r${index}`))
    expect(comparedRefs(many, null)).toHaveLength(comparedAtMost)
    expect(ids(many, row('pin'))[0]).toBe('pin')
    expect(comparedRefs(many, row('pin'))).toHaveLength(comparedAtMost)
  })
})

describe('rows of a comparison', () => {
  const fact = (group: string, name: string, differs: boolean) => ({ group, name, values: ['1', differs ? '2' : '1'], differs })
  const rows = [
    fact('Setting', 'Task', false),
    fact('Setting', 'Seed', true),
    fact('Result', 'Value', true),
    fact('Provenance', 'device', false),
  ]
  const names = (runs: RunsComparison['runs'], all: boolean) =>
    comparisonGroups({ runs, rows }, all).map(({ group, rows: shown }) => [group, ...shown.map(({ name }) => name)])

  test('are those that differ, unless all are wanted', () => {
    expect(names([row('a'), row('b')], false)).toEqual([['Setting', 'Seed'], ['Result', 'Value']]) // prettier-ignore
    expect(names([row('a'), row('b')], true)).toEqual([['Setting', 'Task', 'Seed'], ['Result', 'Value'], ['Provenance', 'device']]) // prettier-ignore
  })

  test('of one run alone are all', () => {
    expect(names([row('a')], false)).toHaveLength(3)
  })
})

test('keys move between rows and stay inside', () => {
  expect(rowMove(0, 'ArrowDown', 10, 4)).toBe(1)
  expect(rowMove(9, 'ArrowDown', 10, 4)).toBe(9)
  expect(rowMove(0, 'ArrowUp', 10, 4)).toBe(0)
  expect(rowMove(5, 'PageDown', 10, 4)).toBe(9)
  expect(rowMove(5, 'PageUp', 10, 4)).toBe(1)
  expect([rowMove(5, 'Home', 10, 4), rowMove(5, 'End', 10, 4)]).toEqual([0, 9])
  expect([rowMove(5, 'a', 10, 4), rowMove(0, 'End', 0, 4)]).toEqual([null, null])
  expect([rangeOf(7, 3), rangeOf(3, 7)]).toEqual([
    { first: 3, last: 7 },
    { first: 3, last: 7 },
  ])
})

test('runs are archived together, and come back together only when all are in the archive', () => {
  expect(archivable([])).toBeNull()
  expect(archivable([row('a'), row('b', { archived: true })])).toBe('archive')
  expect(archivable([row('b', { archived: true })])).toBe('restore')
})

test('values, intervals and differences in words', () => {
  expect(valueOf(row('a'))).toBe('65.7 %')
  expect(valueOf(row('a', { metric: 'mean_loss', value: 1.234 }))).toBe('1.23')
  expect(valueOf(row('a', { value: null }))).toBe('–')
  expect(intervalOf(row('a'))).toBe('95 % interval 60.0 % to 71.0 %, n = 300')
  expect(intervalOf(row('a', { low: null }))).toBe('')
  expect(differenceWords('exact_match', { value: 0.05, low: -0.01, high: 0.11, n: 1200 })).toBe('+5.0 (−1.0 to +11.0, n = 1,200)')
  expect(differenceWords('mean_loss', { value: -0.1, low: -0.2, high: 0, n: 5 })).toBe('−0.100 (−0.200 to 0.000, n = 5)')
})

test('every state has a shape and keeps its word', () => {
  expect(stateMark('done')).toEqual({ kind: 'done', label: 'done' })
  expect(stateMark('partial')).toEqual({ kind: 'warning', label: 'partial' })
  expect(stateMark('imported')).toEqual({ kind: 'duplicate', label: 'imported' })
  expect(stateMark('something new')).toEqual({ kind: 'queued', label: 'something new' })
})

test('what removing takes away is counted by kind', () => {
  expect(removalWords([row('p', { kind: 'plan' }), row('a'), row('b')])).toBe(
    '1 plan with all results, 2 evaluations with the outcome of every example. Adapters stay. To only take runs out of the list, archive them.',
  )
})
