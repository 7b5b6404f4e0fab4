import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import type { EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import type { EvaluateServices } from '../../../src-main/jobs/evaluate-services.ts'
import { planEvaluation } from '../../../src-main/jobs/evaluate-plan.ts'
import { tinyShape } from '../../helpers/adapters.ts'
import { removeBench, type Bench } from './bench.ts'
import { addTask, addTinyBase, evaluate, inputOf, openEvaluateBench, rawOutcomes, reviews, type Script } from './evaluate-bench.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let bench: Bench
let calls: EvaluateRequest[]
let baseId: string
let adapterId: string
beforeEach(async () => {
  calls = []
  bench = openEvaluateBench({ calls })
  baseId = addTinyBase(bench)
  adapterId = (await bench.add('one', { seed: 1 })).id!
  await addTask(bench, 'reviews', reviews(12))
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

async function reopen(script: Partial<Script>): Promise<void> {
  await bench.close()
  bench = openEvaluateBench({ calls, ...script }, bench.folder)
}
const both = () =>
  inputOf({ baseId, subjects: [{ kind: 'base' }, { kind: 'adapter', adapterId }], tasks: [{ taskId: 'reviews', split: 'test' }] })
const baseOn = (taskId: string) => inputOf({ baseId, subjects: [{ kind: 'base' }], tasks: [{ taskId, split: 'test' }] })
const work = () => join(bench.folder, 'evaluations')
const leftFolders = () => (existsSync(work()) ? readdirSync(work()) : [])

describe('runs', () => {
  test('hold one raw outcome for each example, with a value and an interval', async () => {
    const { job, result, runs } = await evaluate(bench, both())
    expect(job).toMatchObject({ state: 'done', title: 'Evaluate 2 subjects on Reviews', problems: [] })
    expect(result).toMatchObject({ known: 0, examples: 24, skipped: 0, computed: { done: 24, tokens: 240 } })
    expect(runs.map(({ subject }) => subject.key)).toEqual(['base', expect.stringMatching(/^adapter:[0-9a-f]{64}@1$/)])
    const { rows } = bench.library.runs.outcomes({ runId: runs[0]!.id, other: null, filter: 'all', text: '', offset: 0, limit: 100 })
    expect(rows).toHaveLength(12)
    const right = rows.filter(({ here }) => here.prediction === here.answer).length
    expect(runs[0]).toMatchObject({ n: 12, done: 12, value: right / 12, intervalKind: 'Wilson 95 %', problems: [] })
    expect(runs[0]!.finishedAt).not.toBeNull()
    expect(rows[0]!.here.prompt).toContain('the meal is nice 0')
    expect(new Set(rows.map(({ here }) => here.prediction))).toEqual(new Set(['positive', 'negative']))
    expect(runs[0]!.provenance).toMatchObject({ appVersion: '9.8.7', nativeBuild: 'script-1', device: 'CPU (none)', maxNewTokens: '30' })
    expect(leftFolders()).toEqual([])
  })

  test('that are known are not computed again; other settings are other runs', async () => {
    const first = await evaluate(bench, both())
    const again = await evaluate(bench, both())
    expect(calls).toHaveLength(1)
    expect(again.result).toEqual({ runs: first.result.runs, known: 2, examples: 0, skipped: 0, computed: null })
    const fewer = await evaluate(bench, { ...both(), maxNewTokens: 6 })
    expect(calls).toHaveLength(2)
    expect(fewer.result).toMatchObject({ known: 0, examples: 24 })
    expect(fewer.result.runs).not.toEqual(first.result.runs)
    const choices = inputOf({
      baseId,
      subjects: [{ kind: 'base' }],
      tasks: [{ taskId: 'reviews', split: 'test', metric: 'choice_accuracy' }],
    })
    await evaluate(bench, choices)
    // Nothing is generated, so the bound changes nothing.
    expect((await evaluate(bench, { ...choices, maxNewTokens: 6 })).result.known).toBe(1)
    expect(await planEvaluation(both(), bench.evaluation)).toMatchObject({ runs: 2, known: 2, examples: 0, promptTokens: 0, problems: [] })
  })

  test('of one more adapter are computed alone', async () => {
    await evaluate(bench, both())
    const other = (await bench.add('other', { seed: 2 })).id!
    const input = both()
    const { result } = await evaluate(bench, {
      ...input,
      subjects: [...input.subjects, { kind: 'adapter', adapterId: other, coefficient: 1 }],
    })
    expect(result).toMatchObject({ known: 2, examples: 12 })
    expect(calls[1]).toMatchObject({ subjects: [{ name: 'other' }], adapters: [{ name: 'other' }] })
  })

  test('are about the first examples by id when there is a limit, and about a coefficient', async () => {
    const limited = inputOf({
      baseId,
      subjects: [{ kind: 'adapter', adapterId, coefficient: 0.5 }],
      tasks: [{ taskId: 'reviews', split: 'test', limit: 5 }],
    })
    const { runs } = await evaluate(bench, limited)
    const ids = bench.library.tasks.examples('reviews', 'test').map(({ id }) => id)
    expect(bench.library.runs.exampleIds(runs[0]!.id).toSorted()).toEqual(ids.toSorted().slice(0, 5))
    expect(runs[0]!.subject.label).toBe('one × 0.5')
    expect(calls[0]!.subjects).toEqual([{ name: 'one × 0.5', terms: [{ adapter: 0, coefficients: 0.5 }] }])
  })

  test('of a large evaluation are computed piece by piece, with the same results', async () => {
    const whole = await evaluate(bench, both())
    const expected = whole.runs.map((run) => rawOutcomes(bench, run))
    bench.library.runs.remove(whole.result.runs)
    await bench.close()
    bench = openEvaluateBench({ calls }, bench.folder, { mostExamples: 15 })
    const { job, runs, result } = await evaluate(bench, both())
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(calls.slice(1).map(({ work, subjects }) => [work.length, subjects.map(({ name }) => name)])).toEqual([
      [12, ['Base model']],
      [12, ['one']],
    ])
    expect(result).toMatchObject({ examples: 24, computed: { done: 24, tokens: 240, seconds: 4, peakBytes: 9 } })
    expect(runs.map((run) => rawOutcomes(bench, run))).toEqual(expected)
  })

  test('by choices keep the log-likelihood of each label, by loss that of the answer', async () => {
    for (const metric of ['choice_accuracy', 'mean_loss'] as const)
      await evaluate(bench, inputOf({ baseId, subjects: [{ kind: 'base' }], tasks: [{ taskId: 'reviews', split: 'test', metric }] }))
    const [choice, loss] = bench.library.runs.list()
    const outcomes = (runId: string) =>
      bench.library.runs.outcomes({ runId, other: null, filter: 'all', text: '', offset: 0, limit: 1 }).rows[0]!.here
    expect(outcomes(choice!.id).choices).toMatchObject([{ label: 'negative' }, { label: 'positive' }])
    expect(outcomes(loss!.id)).toMatchObject({ prediction: null, correct: null, choices: null })
    expect(loss!.intervalKind).toContain('bootstrap')
    expect(loss!.low).not.toBeNull()
  })
})

describe('an evaluation that is stopped', () => {
  test('keeps what it answered, goes on behind it, and ends as one that was not', async () => {
    const whole = await evaluate(bench, both())
    const expected = whole.runs.map((run) => rawOutcomes(bench, run))
    bench.library.runs.remove(whole.result.runs)

    let stopped = false
    await reopen({ stopAfter: 14, then: 'wait', onStop: () => (stopped = true) })
    const { jobId } = bench.queue.start('evaluate', both())
    while (!stopped) await new Promise((resolve) => setTimeout(resolve, 5))
    bench.queue.cancel(jobId!)
    expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'cancelled', problems: [] })
    expect(bench.library.runs.list().map(({ done, n, finishedAt }) => ({ done, n, finishedAt }))).toEqual([
      { done: 12, n: 12, finishedAt: expect.any(String) },
      { done: 2, n: 12, finishedAt: null },
    ])
    expect(leftFolders()).toEqual([])

    await reopen({})
    const { jobId: again } = bench.queue.runAgain(jobId!)
    expect(await bench.queue.whenEnded(again!)).toMatchObject({ state: 'done', problems: [] })
    expect(calls.at(-1)!.work).toHaveLength(10)
    expect(bench.library.runs.list().map((run) => rawOutcomes(bench, run))).toEqual(expected)
  })

  test('for lack of memory says so, and loses nothing', async () => {
    await reopen({ stopAfter: 6, then: 'fail' })
    const { job } = await evaluate(bench, both())
    expect(job).toMatchObject({ state: 'failed', problems: [{ code: 'memory-short', message: expect.stringContaining('try') }] })
    expect(bench.library.runs.list().map(({ done }) => done)).toEqual([6])
  })

  test('by a kill is taken over from its journal, the torn line left out', async () => {
    const whole = await evaluate(bench, both())
    const expected = whole.runs.map((run) => rawOutcomes(bench, run))
    bench.library.runs.remove(whole.result.runs)
    await bench.close()
    const child = spawn(process.execPath, [join(import.meta.dirname, 'evaluate-child.ts'), bench.folder, baseId, adapterId])
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')

    bench = openEvaluateBench({ calls }, bench.folder)
    expect(leftFolders()).toHaveLength(1)
    await bench.queue.tidy()
    expect(leftFolders()).toEqual([])
    expect(bench.library.runs.list().reduce((sum, { done }) => sum + done, 0)).toBe(8)
    const [, interrupted] = bench.queue.list()
    expect(interrupted).toMatchObject({ kind: 'evaluate', state: 'interrupted' })
    const { jobId } = bench.queue.runAgain(interrupted!.id)
    expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'done' })
    expect(calls.at(-1)!.work).toHaveLength(16)
    expect(bench.library.runs.list().map((run) => rawOutcomes(bench, run))).toEqual(expected)
  })
})

describe('what cannot be evaluated', () => {
  test('prompts that are too long are left out and counted, never cut', async () => {
    const input = { ...both(), maxPromptTokens: 20 }
    const plan = await planEvaluation(input, bench.evaluation)
    const { job, runs, result } = await evaluate(bench, input)
    expect(result.skipped).toBeGreaterThan(0)
    expect(result.skipped).toBeLessThan(12)
    expect(plan).toMatchObject({ runs: 2, known: 0, examples: 2 * (12 - result.skipped), skipped: result.skipped })
    expect(runs).toMatchObject([
      { n: 12 - result.skipped, skipped: result.skipped },
      { n: 12 - result.skipped, skipped: result.skipped },
    ])
    expect(job.problems).toMatchObject([
      { code: 'prompt-too-long', severity: 'warning', message: expect.stringContaining(`${result.skipped} of 12`) },
    ])
    expect(calls[0]!.items.every(({ prompt }) => prompt.length < 20)).toBe(true)
  })

  test('a base model without room for any prompt leaves a finished run of nothing', async () => {
    const small = addTinyBase(bench, 'small', 8)
    const { job, runs } = await evaluate(
      bench,
      inputOf({ baseId: small, subjects: [{ kind: 'base' }], tasks: [{ taskId: 'reviews', split: 'test' }] }),
    )
    expect(job).toMatchObject({ state: 'done', problems: [{ code: 'prompt-too-long' }] })
    expect(runs).toMatchObject([{ n: 0, done: 0, skipped: 12, value: null, finishedAt: expect.any(String) }])
    expect(calls).toEqual([])
  })

  test('an adapter for another base model is refused with the shapes, or left out where others are evaluated', async () => {
    const unfit = (await bench.add('wide', { shape: { ...tinyShape, hidden: 24 } })).id!
    const input = both()
    const only = { ...input, subjects: [{ kind: 'adapter' as const, adapterId: unfit, coefficient: 1 }] }
    const refused = bench.queue.start('evaluate', only)
    expect(refused).toMatchObject({ jobId: null, problems: [{ code: 'adapter-other-base', severity: 'error', allowed: ['16 x 16'] }] })
    expect(refused.problems[0]!.message).toMatch(/wide does not fit tiny.*24 x 24.*16 x 16/)
    const mixed = { ...input, subjects: [...input.subjects, ...only.subjects] }
    expect(bench.queue.start('evaluate', { ...mixed, strict: true })).toMatchObject({ jobId: null, problems: [{ severity: 'error' }] })
    const { job, runs } = await evaluate(bench, mixed)
    expect(runs).toHaveLength(2)
    expect(job.problems).toMatchObject([{ code: 'adapter-other-base', severity: 'warning', where: { value: unfit } }])
    expect((await planEvaluation(mixed, bench.evaluation)).unfit).toMatchObject([{ adapterId: unfit, name: 'wide' }])
  })

  test('logits that are not finite are problems of their subject, and the others go on', async () => {
    await reopen({ problemOf: (subject) => (subject === 'one' ? 'logits-not-finite' : undefined) })
    const { job, runs } = await evaluate(bench, both())
    expect(job).toMatchObject({
      state: 'done',
      problems: [{ code: 'logits-not-finite', severity: 'error', message: expect.stringContaining('one: 12 examples') }],
    })
    expect(runs[0]).toMatchObject({ done: 12, problems: [] })
    expect(runs[1]).toMatchObject({ done: 12, value: null, problems: [{ code: 'logits-not-finite' }] })
  })

  test('an answer without tokens is the problem of its example alone', async () => {
    await bench.close()
    // Adding a task refuses empty answers; what has tokens for one tokenizer may have none for another.
    const odd = { id: 'odd', inputs: { input: 'the odd one' }, answer: '' }
    const tasks: EvaluateServices['tasks'] = {
      get: (id) => bench.library.tasks.get(id),
      file: (id) => bench.library.tasks.file(id),
      labelled: (id, split, budget) => ({ examples: [...bench.library.tasks.labelled(id, split, budget).examples, odd], problems: [] }),
    }
    bench = openEvaluateBench({ calls }, bench.folder, { tasks })
    const { job, runs } = await evaluate(bench, baseOn('reviews'))
    expect(job.problems).toMatchObject([{ code: 'answer-empty', severity: 'warning' }])
    expect(runs).toMatchObject([{ n: 13, done: 13, problems: [{ code: 'answer-empty' }] }])
    expect(calls[0]!.work).toHaveLength(12)
  })

  test('unknown base models, adapters and tasks, empty splits and missing labels are all told at once', async () => {
    expect(bench.queue.start('evaluate', { ...both(), baseId: 'nobody' }).problems).toMatchObject([{ code: 'base-unknown' }])
    await addTask(bench, 'free', reviews(2), { labels: undefined })
    const input = inputOf({
      baseId,
      subjects: [{ kind: 'adapter', adapterId: 'nobody' }],
      tasks: [
        { taskId: 'nothing', split: 'test' },
        { taskId: 'reviews', split: 'train' },
        { taskId: 'free', split: 'test', metric: 'choice_accuracy' },
      ],
    })
    const { jobId, problems } = bench.queue.start('evaluate', input)
    expect(jobId).toBeNull()
    expect(problems.map(({ code }) => code).toSorted()).toEqual(['adapter-unknown', 'mapping-invalid', 'split-empty', 'task-unknown'])
    expect(await planEvaluation(input, bench.evaluation)).toMatchObject({
      runs: 0,
      problems: expect.arrayContaining([{ code: 'split-empty' }].map((one) => expect.objectContaining(one))),
    })
  })

  test('a GPU that is asked for and not there is refused with the reason', async () => {
    await bench.close()
    bench = openEvaluateBench({ calls }, bench.folder, { settings: () => ({ device: 'cuda', memoryGigabytes: 0 }) })
    await expect(evaluate(bench, both())).rejects.toThrow(Refusal)
    expect(bench.queue.start('evaluate', both()).problems).toMatchObject([
      { code: 'device-unknown', message: expect.stringContaining('no GPU was found') },
    ])
  })
})
