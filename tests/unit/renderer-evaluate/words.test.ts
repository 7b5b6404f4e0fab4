import { describe, expect, it } from 'vitest'
import type { BaseModel } from '../../../src-main/contract/base-model.ts'
import type { EvaluatePlan } from '../../../src-main/contract/run.ts'
import { formatDifference, formatValue, judge, planWords, valueWords } from '../../../src-renderer/views/evaluate/evaluate-words.ts'
import { leadersOf } from '../../../src-renderer/views/evaluate/leaders.ts'
import { resultsTable } from '../../../src-renderer/views/evaluate/results-table.ts'
import { fitsMemory, formatParameters } from '../../../src-renderer/views/models/model-words.ts'
import { countWords, doubtWords } from '../../../src-renderer/views/tasks/task-words.ts'
import { resultsOf, runOf } from './fixture.ts'

describe('words of results', () => {
  it('write shares in per cent and losses in nats', () => {
    expect(formatValue('exact_match', 0.5)).toBe('50.0 %')
    expect(formatValue('mean_loss', 1.234)).toBe('1.23')
    expect(formatDifference('exact_match', -0.123)).toBe('−12.3')
    expect(formatDifference('mean_loss', 0.5)).toBe('+0.500')
  })
  it('judge a difference by the direction of its metric, and only when its interval leaves out 0', () => {
    expect(judge('exact_match', { low: 0.01, high: 0.2 })).toBe('better')
    expect(judge('exact_match', { low: -0.2, high: -0.01 })).toBe('worse')
    expect(judge('mean_loss', { low: 0.01, high: 0.2 })).toBe('worse')
    expect(judge('mean_loss', { low: -0.2, high: -0.01 })).toBe('better')
    expect(judge('exact_match', { low: -0.01, high: 0.2 })).toBe('open')
  })
  it('say where a value comes from', () => {
    expect(valueWords(runOf('one', 0.5))).toBe('Exact match 50.0 %, Wilson 95 % from 45.0 % to 55.0 %; n = 100')
    expect(valueWords(runOf('one', 0.5, 'exact_match', { done: 40, skipped: 2 }))).toBe(
      'Exact match 50.0 %, Wilson 95 % from 45.0 % to 55.0 %; n = 40 of 100, not ended yet; 2 examples left out: prompt too long',
    )
    expect(valueWords(runOf('one', null, 'exact_match', { done: 0 }))).toBe('0 of 100 examples answered')
  })
  it('say what an evaluation takes', () => {
    const plan: EvaluatePlan = {
      runs: 6,
      known: 2,
      examples: 400,
      promptTokens: 8000,
      skipped: 1,
      unfit: [],
      needsBytes: 1_500_000_000,
      freeBytes: 8_000_000_000,
      etaSeconds: 90,
      device: 'cpu',
      problems: [],
    }
    expect(planWords(plan)).toMatch(
      /^6 runs, 2 known already; 400 examples and 8,000 tokens of prompts on cpu; 1 example left out for their length; needs 1\.50 GB; about 1/,
    )
    expect(planWords({ ...plan, known: 6, examples: 0, skipped: 0, needsBytes: null })).toBe(
      '6 runs, 6 known already; nothing left to compute.',
    )
  })
  it('make a line for each model and task', () => {
    const table = resultsTable(resultsOf(['exact_match', 'mean_loss'], { base: [0.5, 2], one: [0.4, null] }))
    expect(table.rows).toHaveLength(4)
    expect(table.rows[3]?.slice(0, 6)).toEqual(['one', 'task-1', 'test', 'mean_loss', 'lower', null])
  })
})

describe('the leaderboard', () => {
  it('has the best first, those without a value last, and counts what beats the base model', () => {
    const results = resultsOf(['exact_match'], { base: [0.5], open: [null], b: [0.7], a: [0.7], low: [0.1] })
    const board = leadersOf(results, 0)
    expect(board.leaders.map(({ label }) => label)).toEqual(['a', 'b', 'low', 'open'])
    expect(board).toMatchObject({ base: 0.5, better: 2 })
  })
  it('turns round for a metric where lower is better', () => {
    const board = leadersOf(resultsOf(['mean_loss'], { base: [2], one: [2.5], two: [1.5] }), 0)
    expect(board.leaders.map(({ label }) => label)).toEqual(['two', 'one'])
    expect(board.better).toBe(1)
  })
})

describe('words of base models and tasks', () => {
  it('write a number of parameters as people say it', () => {
    expect([8_030_261_248, 134_515_008, 2_240_000, 11_300, 12].map(formatParameters)).toEqual(['8.03 B', '135 M', '2.24 M', '11.3 k', '12'])
  })
  it('say on which devices a base model fits, or what is short', () => {
    const base = (memory: BaseModel['memory']) => ({ memory }) as BaseModel
    expect(
      fitsMemory(
        base([
          { device: 'cpu', needs: 5, free: 9 },
          { device: 'cuda:0', needs: 5, free: 4 },
        ]),
      ),
    ).toBe('fits cpu')
    expect(fitsMemory(base([{ device: 'cpu', needs: 5e9, free: 4e9 }]))).toBe('needs 5.00 GB')
    expect(fitsMemory(base([]))).toBe('unknown')
  })
  it('count examples and what is doubtful', () => {
    expect(countWords({ counts: { train: 80, validation: 20, test: 5000 } })).toBe('80 / 20 / 5,000')
    expect(doubtWords({ leaks: 1, duplicates: 2 })).toBe('1 leak, 2 duplicates')
    expect(doubtWords({ leaks: 0, duplicates: 0 })).toBe('')
  })
})
