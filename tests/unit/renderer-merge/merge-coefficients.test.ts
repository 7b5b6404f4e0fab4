import { describe, expect, it } from 'vitest'
import { equalNorms, sumToOne } from '../../../src-renderer/state/merge-coefficients.ts'
import { addRule, addSources, editSource, emptyDraft, type DraftSource } from '../../../src-renderer/state/merge-draft.ts'

function lines(...coefficients: readonly (number | string)[]): readonly DraftSource[] {
  const adapters = coefficients.map((_, index) => ({ id: `${index}`, name: `adapter ${index}` }))
  return addSources(emptyDraft, adapters).sources.map((source, index) => ({ ...source, coefficient: coefficients[index] ?? 1 }))
}
const lock = (sources: readonly DraftSource[], index: number): readonly DraftSource[] =>
  sources.map((source, at) => (at === index ? { ...source, locked: true } : source))
const coefficients = (sources: readonly DraftSource[] | null): readonly unknown[] | undefined =>
  sources?.map((source) => source.coefficient)

describe('sum to 1', () => {
  it('scales by one factor', () => expect(coefficients(sumToOne(lines(1, 1, 2)).sources)).toEqual([0.25, 0.25, 0.5]))
  it('keeps signs', () => expect(coefficients(sumToOne(lines(3, -1)).sources)).toEqual([1.5, -0.5]))
  it('sums to exactly 1 as shown', () => {
    const sources = sumToOne(lines(1, 1, 1)).sources ?? []
    expect(coefficients(sources)).toEqual([0.3334, 0.3333, 0.3333])
  })
  it('keeps three figures of a small coefficient', () => {
    expect(coefficients(sumToOne(lines(100, 1, 1)).sources)).toEqual([0.9804, 0.0098, 0.0098])
    expect(coefficients(sumToOne(lines(1000, 1)).sources)).toEqual([0.999001, 0.000999])
  })
  it('leaves a locked coefficient alone', () => expect(coefficients(sumToOne(lock(lines(0.4, 1, 1), 0)).sources)).toEqual([0.4, 0.3, 0.3]))
  it('scales rules along', () => {
    const draft = addRule(editSource({ ...emptyDraft, sources: lines(2, 2) }, 's1', { coefficient: 2 }), 's1')
    expect(sumToOne(draft.sources).sources?.[0]?.rules[0]?.value).toBe(0.5)
  })
  it('refuses to flip signs', () => expect(sumToOne(lines(-1, -1)).refusal).toContain('without flipping signs'))
  it('refuses to blow up a cancelled sum', () => {
    expect(sumToOne(lines(1, -0.95)).refusal).toContain('nearly cancel')
    expect(sumToOne(lines(1, -1)).refusal).toContain('sum to 0')
  })
  it('refuses text and locked lists', () => {
    expect(sumToOne(lines('abc', 1)).refusal).toContain('not a number')
    expect(sumToOne(lock(lines(1), 0)).refusal).toContain('locked')
  })
})

describe('equal norms', () => {
  it('makes |coefficient| times norm equal and keeps the mean', () => {
    const sources = equalNorms(lines(1, 1), [6, 2]).sources
    expect(coefficients(sources)).toEqual([0.6667, 2])
  })
  it('keeps signs', () => expect(coefficients(equalNorms(lines(1, -1), [6, 2]).sources)).toEqual([0.6667, -2]))
  it('takes a locked line as the measure', () => expect(coefficients(equalNorms(lock(lines(0.5, 1), 0), [8, 2]).sources)).toEqual([0.5, 2]))
  it('says why it cannot', () => {
    expect(equalNorms(lines(1, 1), [3, null]).refusal).toBe('The norm of adapter 1 is not known yet.')
    expect(equalNorms(lines(1, 1), [3, 0]).refusal).toContain('is zero')
    expect(equalNorms(lines(0, 0), [3, 2]).refusal).toContain('Every coefficient is 0')
  })
})
