import * as v from 'valibot'
import { expect, test } from 'vitest'
import type { RunsComparison } from '../../../src-main/contract/runs-list.ts'
import { runsComparisonSchema } from '../../../src-main/contract/runs-list.ts'
import { compareRuns } from '../../../src-main/plans/compare-runs.ts'
import { outcomeAt, runOn, tinyBase } from '../library/run-support.ts'
import { addAdaptation, addPlan, cellResult, openRuns, planFile } from './runs-bench.ts'

const rowOf = ({ rows }: RunsComparison, name: string) => rows.find((row) => row.name === name)

test('two plans side by side: what differs is marked, rows of one alone have a gap', async () => {
  const library = openRuns()
  addPlan(library, 'one', { headline: 'Train your own LoRA.', provenance: { device: 'CPU' } })
  addPlan(library, 'two', { file: planFile({ seeds: [1], margin: 0.01, testLimit: 50, pool: ['a', 'b'] }), state: 'cancelled' })
  library.plans.setResult('one', cellResult('reviews/-/-/base', [1, 0, 1, 0]))
  library.plans.patchCell('one', 'topics/-/-/base', { state: 'failed' })
  const compared = await compareRuns([{ kind: 'plan', id: 'one' }, { kind: 'plan', id: 'two' }], library) // prettier-ignore
  expect(v.is(runsComparisonSchema, compared)).toBe(true)
  expect(compared.runs.map(({ id }) => id)).toEqual(['one', 'two'])
  expect(rowOf(compared, 'Base model')).toEqual({ group: 'Setting', name: 'Base model', values: ['tiny', 'tiny'], differs: false })
  expect(rowOf(compared, 'Seeds')).toMatchObject({ values: ['1, 2', '1'], differs: true })
  expect(rowOf(compared, 'Pool')).toMatchObject({ values: ['all that fit the base model', 'a, b'], differs: true })
  expect(rowOf(compared, 'Margin, points')).toMatchObject({ values: ['2', '1'] })
  expect(rowOf(compared, 'Test examples, at most')).toMatchObject({ values: ['all', '50'] })
  const tuned = 'tuned; tune; in the verdict: merged; Adapters (K): 3'
  expect(rowOf(compared, 'Arm tuned')).toMatchObject({ group: 'Parameters', values: [tuned, tuned] }) // prettier-ignore
  expect(rowOf(compared, 'Cells')).toMatchObject({ group: 'Result', values: ['1 of 10 done, 1 failed', '0 of 6 done'] })
  expect(rowOf(compared, 'Verdict')).toMatchObject({ values: ['Train your own LoRA.', null], differs: true })
  expect(rowOf(compared, 'device')).toMatchObject({ group: 'Provenance', values: ['CPU', null], differs: true })
  expect([...new Set(compared.rows.map(({ group }) => group))]).toEqual(['Setting', 'Parameters', 'Result', 'Provenance'])
  expect(compared).toMatchObject({ reference: null, differences: [null, null] })
})

test('what was last computed of a plan stands among its results', async () => {
  const library = openRuns()
  addPlan(library, 'one')
  const interval = { value: 0.657, low: 0.62, high: 0.6911 }
  const estimate = { arm: 'own', interval, examples: 4, seeds: 2 }
  library.plans.setComparison('one', 'base', {
    ...{ key: 'k', problems: [] },
    comparisons: [
      {
        ...{ budget: 100, baseline: 'base', comparisons: [], tallies: [], verdicts: [], stairs: [], costGain: [] },
        estimates: [
          { ...estimate, task: 'reviews' },
          { ...estimate, task: null },
        ],
      },
    ],
  })
  const compared = await compareRuns([{ kind: 'plan', id: 'one' }], library)
  expect(rowOf(compared, 'Fresh LoRA, 100 examples')).toEqual({ group: 'Result', name: 'Fresh LoRA, 100 examples', values: ['65.7 (62.0 to 69.1)'], differs: false }) // prettier-ignore
  expect(rowOf(compared, 'Fresh LoRA, reviews, 100 examples')).toBeUndefined()
})

test('evaluations: values in words, and paired differences to the first on the questions that both answered', async () => {
  const library = openRuns()
  const { id: baseId } = library.bases.add(tinyBase())
  const evaluated = (subject: string, right: readonly boolean[], metric: 'exact_match' | 'token_f1' = 'exact_match'): string => {
    const { id } = library.runs.begin(runOn(baseId, 'reviews', subject, { metric, key: `${subject} ${metric}` }))
    library.runs.addOutcomes(id, right.map((value, place) => outcomeAt(place, value))) // prettier-ignore
    return id
  }
  const base = evaluated('base', [false, false, true, false])
  const wide = evaluated('wide', [true, false, true])
  const other = evaluated('wide', [true, true, true, true], 'token_f1')
  const refs = [base, wide, other].map((id) => ({ kind: 'evaluation' as const, id }))
  const compared = await compareRuns(refs, library)
  expect(rowOf(compared, 'Subject')).toMatchObject({ values: ['base', 'wide', 'wide'], differs: true })
  expect(rowOf(compared, 'Value')).toMatchObject({ values: ['25.0 %', '66.7 %', '100.0 %'] })
  expect(rowOf(compared, 'Examples answered')).toMatchObject({ values: ['4 of 4', '3 of 4', '4 of 4'], differs: true })
  expect(rowOf(compared, 'Split')).toMatchObject({ values: ['test', 'test', 'test'], differs: false })
  expect(compared.reference?.id).toBe(base)
  // Three questions in common, one of them better; another metric is not compared.
  expect(compared.differences).toMatchObject([null, { value: 1 / 3, n: 3 }, null])

  library.runMarks.pin({ kind: 'evaluation', id: wide })
  const alone = await compareRuns([{ kind: 'evaluation', id: base }], library)
  expect(alone.reference).toMatchObject({ id: wide, pinned: true })
  expect(alone.differences).toMatchObject([{ value: -1 / 3, n: 3 }])
})

test('adaptations: settings, what was chosen, what it cost', async () => {
  const library = openRuns()
  addAdaptation(library, 'job', { budget: 30, seed: 4, preset: 'recycling_2026' })
  addAdaptation(library, 'other', { budget: 30, seed: 5, preset: 'recycling_2026' })
  library.adaptations.update('job', {
    ...{ done: 20, chosenStep: 12, startLoss: 1.23456, chosenLoss: 0.5, method: 'linear' },
    selection: [
      { adapterId: 'a', name: 'second', value: 1, place: 1, reason: null },
      { adapterId: 'b', name: 'first', value: 2, place: 0, reason: null },
      { adapterId: 'c', name: 'left out', value: 0, place: null, reason: null },
    ],
    cost: { tokens: 1200, seconds: 3.21987, device: 'CPU', examples: 30, scoredAdapters: 3 },
    provenance: { taskHash: 'abc' },
  })
  const compared = await compareRuns([{ kind: 'adaptation', id: 'job' }, { kind: 'adaptation', id: 'other' }], library) // prettier-ignore
  expect(rowOf(compared, 'Preset')).toMatchObject({ values: ['Recycling (2026)', 'Recycling (2026)'], differs: false })
  expect(rowOf(compared, 'Seed')).toMatchObject({ values: ['4', '5'], differs: true })
  expect(rowOf(compared, 'k')).toMatchObject({ group: 'Parameters', values: ['3', '3'] })
  expect(rowOf(compared, 'Chosen step')).toMatchObject({ values: ['12', null] })
  expect(rowOf(compared, 'Loss at the start')).toMatchObject({ values: ['1.235', null] })
  expect(rowOf(compared, 'Adapters chosen')).toMatchObject({ values: ['first, second', null] })
  expect(rowOf(compared, 'Tokens')).toMatchObject({ values: ['1,200', '0'] })
  expect(rowOf(compared, 'taskHash')).toMatchObject({ group: 'Provenance', values: ['abc', null] })
})

test('a run that is gone is refused', async () => {
  await expect(compareRuns([{ kind: 'adaptation', id: 'gone' }], openRuns())).rejects.toThrow('There is no adaptation with the id "gone".')
})
