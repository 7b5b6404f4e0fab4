import { expect, test } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import type { RunStore } from '../../../src-main/library/run-types.ts'
import { bootstrapMean } from '../../../src-main/statistics/bootstrap.ts'
import { signInterval } from '../../../src-main/statistics/paired.ts'
import { wilson } from '../../../src-main/statistics/wilson.ts'
import { outcomeAt, rawOf, runOn, tinyBase } from './run-support.ts'
import { codes, openBench } from './support.ts'

function store() {
  const { library } = openBench()
  const { id: baseId } = library.bases.add(tinyBase())
  const { runs } = library
  /** A whole run: begun, answered, ended. */
  const answer = async (task: string, subject: string, values: readonly (boolean | number | null)[], given = {}) => {
    const exampleIds = values.map((_, position) => `e${position}`)
    const { id } = runs.begin(runOn(baseId, task, subject, { exampleIds, ...given }))
    runs.addOutcomes(id, values.map((value, position) => outcomeAt(position, value))) // prettier-ignore
    await runs.finish(id)
    return id
  }
  return { library, runs, baseId, answer }
}

const page = (runs: RunStore, runId: string, given: Partial<Parameters<RunStore['outcomes']>[0]> = {}) =>
  runs.outcomes({ runId, other: null, filter: 'all', text: '', offset: 0, limit: 100, ...given })

test('a run is begun once for its key and resumed with what it has', async () => {
  const { runs, baseId } = store()
  const begun = runs.begin(runOn(baseId, 'colours'))
  expect([...begun.done]).toEqual([])
  expect(runs.get(begun.id)).toMatchObject({
    done: 0,
    n: 4,
    value: null,
    low: null,
    high: null,
    finishedAt: null,
    intervalKind: 'Wilson 95 %',
  })
  runs.addOutcomes(begun.id, [outcomeAt(1, true), outcomeAt(0, false)])
  const renamed = runOn(baseId, 'colours')
  const again = runs.begin({ ...renamed, subject: { ...renamed.subject, label: 'Renamed' } })
  expect(again.id).toBe(begun.id)
  expect([...again.done].toSorted()).toEqual(['e0', 'e1'])
  expect(runs.byKey('colours base')).toMatchObject({ id: begun.id, subject: { label: 'Renamed' }, done: 2, value: 0.5 })
  await runs.finish(begun.id)
  expect(runs.get(begun.id)!.finishedAt).toBeNull()
  runs.addOutcomes(begun.id, [outcomeAt(2, true), outcomeAt(3, true)])
  await runs.finish(begun.id)
  const { low, high } = wilson(3, 4)
  expect(runs.get(begun.id)).toMatchObject({ done: 4, value: 0.75, low, high, problems: [] })
  expect(Date.parse(runs.get(begun.id)!.finishedAt!)).toBeGreaterThan(0)
  expect(runs.list()).toHaveLength(1)
  expect(runs.exampleIds(begun.id)).toEqual(['e0', 'e1', 'e2', 'e3'])
})

test('an example that has an outcome keeps it, and one that comes twice is asked once', () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours', 'base', { exampleIds: ['e0', 'e1', 'e0'] }))
  expect(runs.get(id)!.n).toBe(2)
  runs.addOutcomes(id, [outcomeAt(0, true)])
  runs.addOutcomes(id, [outcomeAt(0, false), outcomeAt(1, true)])
  runs.addOutcomes(id, [outcomeAt(2, false, { exampleId: 'e0', prompt: 'question 0', answer: 'answer 0' })])
  expect(runs.get(id)).toMatchObject({ done: 2, value: 1 })
})

test('outcomes are put down all or none', () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours'))
  expect(() => runs.addOutcomes(id, [outcomeAt(0, true), outcomeAt(1, true, { weight: null as never })])).toThrow('NOT NULL')
  expect(runs.get(id)).toMatchObject({ done: 0, value: null })
  expect(page(runs, id).total).toBe(0)
})

test('outcomes come back as they were given', () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours', 'base', { metric: 'token_f1' }))
  const choices = [{ label: 'red', logLikelihood: -0.25, tokens: 2 }, { label: 'blue', logLikelihood: -3, tokens: 1 }] // prettier-ignore
  const given = [
    outcomeAt(0, true, { prompt: '<|user|>\n"quoted" \u{1f642} zero\u0000byte', choices }),
    outcomeAt(1, 1 / 3, { prediction: null, logLikelihood: null }),
    outcomeAt(2, null, { problem: 'logits-not-finite', prediction: null }),
  ]
  runs.addOutcomes(id, [given[2]!, given[0]!])
  runs.addOutcomes(id, [given[1]!])
  expect(page(runs, id)).toEqual({ rows: given.map((outcome) => ({ here: rawOf(outcome), there: null })), total: 3 })
  expect(page(runs, id, { offset: 1, limit: 1 })).toEqual({ rows: [{ here: rawOf(given[1]!), there: null }], total: 3 })
})

test('examples without a value count as done, not in the mean, and it is said why', async () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours'))
  runs.addOutcomes(id, [
    outcomeAt(0, true),
    outcomeAt(1, null, { problem: 'logits-not-finite' }),
    outcomeAt(2, null, { problem: 'odd thing' }),
  ])
  expect(runs.get(id)).toMatchObject({ done: 3, value: 1, low: wilson(1, 1).low, high: 1 })
  expect(runs.get(id)!.problems.map(({ code, severity, message }) => [code, severity, message])).toEqual([
    ['logits-not-finite', 'warning', '1 of 3 examples have no value: Logits are not finite.'],
    ['internal', 'warning', '1 of 3 examples have no value: odd thing.'],
  ])
})

test('a mean loss is weighted by tokens, its interval a bootstrap that comes at the end', async () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours', 'base', { metric: 'mean_loss', exampleIds: ['e0', 'e1', 'e2'] }))
  runs.addOutcomes(id, [outcomeAt(0, 1, { weight: 2 }), outcomeAt(1, 3, { weight: 6 }), outcomeAt(2, 0.5, { weight: 4 })])
  expect(runs.get(id)).toMatchObject({ value: 22 / 12, low: null, high: null, intervalKind: 'bootstrap 95 %, 10,000 resamples, seed 1' })
  await runs.finish(id)
  const { low, high } = bootstrapMean([1, 3, 0.5], { weights: [2, 6, 4] })
  expect(runs.get(id)).toMatchObject({ low, high })
  expect(runs.get(id)!.finishedAt).not.toBeNull()
})

test('an interval that a process left out when it died comes with the next look at the results', async () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours', 'base', { metric: 'token_f1', exampleIds: ['e0', 'e1'] }))
  runs.addOutcomes(id, [outcomeAt(0, 0.25), outcomeAt(1, 1)])
  expect(runs.get(id)).toMatchObject({ finishedAt: expect.any(String), value: 0.625, low: null })
  const { rows } = await runs.results({ baseId, split: null, taskIds: null, baseline: 'base', titleOf: String })
  expect(rows[0]!.cells[0]!.run).toMatchObject({ low: 0.25, high: 1 })
  expect(runs.get(id)).toEqual(rows[0]!.cells[0]!.run)
})

test('a run of no examples is finished when its work ends', async () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours', 'base', { exampleIds: [], skipped: 7 }))
  await runs.finish(id)
  expect(runs.get(id)).toMatchObject({ n: 0, done: 0, skipped: 7, value: null, low: null, finishedAt: expect.any(String) })
})

test('a run without its base model, and outcomes without their run, are refused', async () => {
  const { runs, baseId, answer } = store()
  const refused = (work: () => unknown) => {
    try {
      work()
    } catch (error) {
      return error instanceof Refusal ? codes(error.problems) : error
    }
    return 'nothing'
  }
  expect(refused(() => runs.begin(runOn('nobody', 'colours')))).toEqual(['base-unknown'])
  const id = await answer('colours', 'base', [true, false])
  expect(codes(runs.remove([id, 'nobody', id]))).toEqual(['run-unknown'])
  expect(refused(() => runs.addOutcomes(id, [outcomeAt(0, true)]))).toEqual(['run-unknown'])
  await runs.finish(id)
  expect([runs.get(id), runs.byKey('colours base'), runs.list()]).toEqual([null, null, []])
  expect(page(runs, id)).toEqual({ rows: [], total: 0 })
  // It can be begun anew, with nothing left of the one before.
  expect([...runs.begin(runOn(baseId, 'colours')).done]).toEqual([])
})

test('removing a base model removes its runs', async () => {
  const { library, runs, baseId, answer } = store()
  const id = await answer('colours', 'base', [true, false])
  runs.noteRate('cpu', baseId, 100, 1)
  expect(library.bases.remove(baseId)).toEqual([])
  expect([runs.get(id), runs.rate('cpu', baseId)]).toEqual([null, null])
  runs.noteRate('cpu', baseId, 100, 1)
  expect(runs.rate('cpu', baseId)).toBeNull()
})

test('runs are listed by what they are about', async () => {
  const { runs, baseId, answer } = store()
  await answer('colours', 'base', [true])
  await answer('colours', 'adapter:x@1', [true])
  await answer('shapes', 'base', [true], { split: 'train' })
  const keys = (filter: Parameters<RunStore['list']>[0]) => runs.list(filter).map((run) => `${run.taskId} ${run.subject.key}`)
  expect(keys({ baseId })).toEqual(['colours base', 'colours adapter:x@1', 'shapes base'])
  expect(keys({ subjectKey: 'base' })).toEqual(['colours base', 'shapes base'])
  expect(keys({ taskId: 'colours', split: 'test', subjectKey: 'base' })).toEqual(['colours base'])
  expect(keys({ split: 'train' })).toEqual(['shapes base'])
  expect(keys({ baseId: 'nobody' })).toEqual([])
})

test('filters compare with the other run on the same questions', async () => {
  const { runs, answer } = store()
  const here = await answer('colours', 'adapter:x@1', [true, false, true, false])
  const there = await answer('colours', 'base', [true, true, false, false])
  const found = (filter: Parameters<RunStore['outcomes']>[0]['filter'], other: string | null = there) => {
    const { rows, total } = page(runs, here, { filter, other })
    expect(total).toBe(rows.length)
    return rows.map(({ here: one, there: two }) => [one.exampleId, one.correct, two?.correct ?? null])
  }
  expect(found('all')).toEqual([['e0', true, true], ['e1', false, true], ['e2', true, false], ['e3', false, false]]) // prettier-ignore
  expect(found('right')).toEqual([['e0', true, true], ['e2', true, false]]) // prettier-ignore
  expect(found('wrong')).toEqual([['e1', false, true], ['e3', false, false]]) // prettier-ignore
  expect(found('wrong-here-right-there')).toEqual([['e1', false, true]])
  expect(found('right-here-wrong-there')).toEqual([['e2', true, false]])
  expect(found('differs')).toEqual([['e1', false, true], ['e2', true, false]]) // prettier-ignore
  expect(found('wrong-here-right-there', null)).toEqual([])
  expect(found('wrong', null)).toEqual([['e1', false, null], ['e3', false, null]]) // prettier-ignore
})

test('text is sought in prompt, answer and prediction, whatever the letter case', () => {
  const { runs, baseId } = store()
  const { id } = runs.begin(runOn(baseId, 'colours'))
  runs.addOutcomes(id, [
    outcomeAt(0, true, { prompt: 'Größe 100%', prediction: 'x' }),
    outcomeAt(1, false, { answer: 'GRÖSSE', prediction: 'x' }),
    outcomeAt(2, false, { prediction: 'die größe_' }),
    outcomeAt(3, false, { prediction: null }),
  ])
  const found = (text: string, filter: 'all' | 'wrong' = 'all') => page(runs, id, { text, filter }).rows.map(({ here }) => here.exampleId)
  expect(found('GRÖß')).toEqual(['e0', 'e2'])
  expect(found('  grösse ')).toEqual(['e1'])
  // Signs that mean something to SQL mean nothing here.
  expect(found('%')).toEqual(['e0'])
  expect(found('_')).toEqual(['e2'])
  expect(found('größe', 'wrong')).toEqual(['e2'])
  expect(found('question 3')).toEqual(['e3'])
})

test('results: subjects by tasks with paired differences to the baseline', async () => {
  const { runs, baseId, answer } = store()
  const base = [true, false, false, true, false, false]
  const better = [true, true, true, true, false, null]
  const id = await answer('colours', 'base', base)
  const adapter = await answer('colours', 'adapter:x@1', better)
  await answer('shapes', 'adapter:x@1', [true, true])
  const table = await runs.results({ baseId, split: 'test', taskIds: null, baseline: 'base', titleOf: (task) => `T ${task}` })
  expect(table.columns).toEqual([
    { taskId: 'colours', title: 'T colours', split: 'test', budget: null, metric: 'exact_match' },
    { taskId: 'shapes', title: 'T shapes', split: 'test', budget: null, metric: 'exact_match' },
  ])
  expect(table.baseline).toBe('base')
  expect(table.rows.map(({ subject, mean }) => [subject.key, mean])).toEqual([['base', null], ['adapter:x@1', 0.9]]) // prettier-ignore
  const [baseRow, adapterRow] = table.rows
  expect(baseRow!.cells).toEqual([{ run: runs.get(id), difference: null }, null])
  // Five questions have a value in both: 0, 1, 1, 0, 0.
  expect(adapterRow!.cells[0]).toEqual({ run: runs.get(adapter), difference: { ...signInterval(2, 0, 5), n: 5 } })
  expect(adapterRow!.cells[1]!.difference).toBeNull()

  const others = await runs.results({ baseId, split: null, taskIds: ['colours'], baseline: 'adapter:x@1', titleOf: (task) => task })
  expect(others.columns).toHaveLength(1)
  expect(others.rows[0]!.cells[0]!.difference).toMatchObject({ value: -0.4, n: 5 })
  expect(await runs.results({ baseId, split: 'train', taskIds: null, baseline: 'base', titleOf: String })).toEqual({
    columns: [],
    rows: [],
    baseline: null,
  })
})

test('differences follow when a run grows, and questions that changed are not compared', async () => {
  const { runs, baseId, answer } = store()
  await answer('colours', 'base', [true, false, true, false])
  const { id } = runs.begin(runOn(baseId, 'colours', 'adapter:x@1'))
  const difference = async () => {
    const { rows } = await runs.results({ baseId, split: null, taskIds: null, baseline: 'base', titleOf: String })
    return rows[1]!.cells[0]!.difference
  }
  runs.addOutcomes(id, [outcomeAt(0, false)])
  // One pair says nothing.
  expect(await difference()).toBeNull()
  runs.addOutcomes(id, [outcomeAt(1, false)])
  expect(await difference()).toEqual({ ...signInterval(0, 1, 2), n: 2 })
  runs.addOutcomes(id, [outcomeAt(2, true), outcomeAt(3, true, { prompt: 'question 3, put otherwise' })])
  expect(await difference()).toEqual({ ...signInterval(0, 1, 3), n: 3 })
})

test('of several runs of one subject the most complete of the latest task stands', async () => {
  const { runs, baseId, answer } = store()
  const cell = async () => {
    const { rows } = await runs.results({ baseId, split: null, taskIds: null, baseline: 'base', titleOf: String })
    return rows[0]!.cells[0]!.run.id
  }
  const whole = await answer('colours', 'base', [true, false, true, false])
  const part = await answer('colours', 'base', [true], { key: 'limited' })
  expect(await cell()).toBe(whole)
  const same = await answer('colours', 'base', [true, false, true, false], { key: 'other device' })
  expect(await cell()).toBe(same)
  const edited = await answer('colours', 'base', [true], { key: 'edited', taskHash: 'h2' })
  expect(await cell()).toBe(edited)
  runs.remove([edited])
  expect(await cell()).toBe(same)
  expect(runs.get(part)!.n).toBe(1)
})

test('the mean over columns needs every value and one direction', async () => {
  const { runs, baseId, answer } = store()
  await answer('colours', 'base', [true, false])
  await answer('shapes', 'base', [true, true], { metric: 'choice_accuracy', budget: 10, split: 'train+validation' })
  const mean = async () => (await runs.results({ baseId, split: null, taskIds: null, baseline: 'base', titleOf: String })).rows[0]!.mean
  expect(await mean()).toBe(0.75)
  await answer('text', 'base', [2, 3], { metric: 'mean_loss' })
  expect(await mean()).toBeNull()
})

test('the rate of a device follows what was measured last', () => {
  const { runs, baseId } = store()
  expect(runs.rate('cpu', baseId)).toBeNull()
  runs.noteRate('cpu', baseId, 1000, 10)
  expect(runs.rate('cpu', baseId)).toBe(100)
  runs.noteRate('cpu', baseId, 3000, 10)
  // Half of the first measurement is left: 3500 tokens in 15 seconds.
  expect(runs.rate('cpu', baseId)).toBeCloseTo(3500 / 15, 10)
  runs.noteRate('cpu', baseId, 0, 0)
  expect(runs.rate('cpu', baseId)).toBeCloseTo(3500 / 15, 10)
  expect(runs.rate('cuda:0', baseId)).toBeNull()
})
