import { describe, expect, it } from 'vitest'
import { errorProblem, warningProblem } from '../../../src-main/contract/problems.ts'
import { fieldChain, lineOfField, problemsAt, problemsWithin, realign, worstFirst } from '../../../src-renderer/state/merge-fields.ts'

const problems = [
  warningProblem('adapter-repeated', 'twice', { where: { field: 'adapters[1].adapter' } }),
  errorProblem('coefficient-invalid', 'text', { where: { field: 'adapters[1].coefficient' } }),
  errorProblem('coefficient-invalid', 'other line', { where: { field: 'adapters[10].coefficient' } }),
]

describe('fields and problems', () => {
  it('finds the problems of a field and of what lies inside it', () => {
    expect(problemsAt(problems, 'adapters[1].coefficient').map((problem) => problem.message)).toEqual(['text'])
    expect(problemsWithin(problems, 'adapters[1]').map((problem) => problem.message)).toEqual(['text', 'twice'])
    expect(problemsWithin(problems, 'adapters')).toHaveLength(3)
    expect(problemsWithin(problems, 'output')).toEqual([])
  })
  it('puts errors first', () => expect(worstFirst(problems).map((problem) => problem.severity)).toEqual(['error', 'error', 'warning']))
  it('follows a line to its new place and forgets one that is gone', () => {
    const moved = realign(
      [...problems, errorProblem('rank-invalid', 'rank', { where: { field: 'output.rank' } })],
      ['s1', 's2'],
      ['s2', 's3'],
    )
    expect(moved.map((problem) => [problem.where?.field, problem.message])).toEqual([
      ['adapters[0].adapter', 'twice'],
      ['adapters[0].coefficient', 'text'],
      ['output.rank', 'rank'],
    ])
  })
  it('walks outwards from a field', () =>
    expect(fieldChain('adapters[1].coefficient.rules[0]')).toEqual([
      'adapters[1].coefficient.rules[0]',
      'adapters[1].coefficient.rules',
      'adapters[1].coefficient',
      'adapters[1]',
      'adapters',
    ]))
  it('knows the line of a field', () => {
    expect(lineOfField('adapters[12].coefficient')).toBe(12)
    expect(lineOfField('output.rank')).toBeNull()
  })
})
