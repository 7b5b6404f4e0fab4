import { appendFileSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ResolvedMergeJob } from '../../../src-main/contract/recipe.ts'
import type { EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import { readAbandonedJournal, readJournal } from '../../../src-main/jobs/evaluate-journal.ts'
import { runKey, type RunFacts } from '../../../src-main/jobs/evaluate-key.ts'
import { createEvaluateMeter } from '../../../src-main/jobs/evaluate-progress.ts'
import type { Work } from '../../../src-main/jobs/evaluate-work.ts'
import { removeBench, type Bench } from './bench.ts'
import { addTask, addTinyBase, evaluate, inputOf, openEvaluateBench, reviews, scriptedEngine } from './evaluate-bench.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let bench: Bench
let calls: EvaluateRequest[]
let baseId: string
beforeEach(async () => {
  calls = []
  bench = openEvaluateBench({ calls })
  baseId = addTinyBase(bench)
  await bench.add('one', { seed: 1 })
  await bench.add('two', { seed: 2, targets: ['q_proj', 'up_proj'], r: 2 })
  await addTask(bench, 'reviews', reviews(4))
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

const evaluateRecipe = (recipe: unknown) =>
  evaluate(bench, inputOf({ baseId, subjects: [{ kind: 'recipe', name: 'mix', recipe }], tasks: [{ taskId: 'reviews', split: 'test' }] }))

/** The terms of the last request by the name of the adapter. */
function terms(): Record<string, number | readonly number[]> {
  const { subjects, adapters } = calls.at(-1)!
  return Object.fromEntries(subjects[0]!.terms.map(({ adapter, coefficients }) => [adapters[adapter]!.name, coefficients]))
}

test('a concatenation becomes terms with its coefficients, by rule where the recipe has rules', async () => {
  const rules = { default: 0.5, rules: [{ modules: 'q_proj', layers: [1, 1], value: -2 }] }
  const adapters = [
    { adapter: 'one', coefficient: 0.7 },
    { adapter: 'two', coefficient: rules },
  ]
  const { job, runs } = await evaluateRecipe({ method: 'concat', adapters })
  expect(job).toMatchObject({ state: 'done', title: 'Evaluate mix on Reviews' })
  expect(runs[0]!.subject).toEqual({ key: expect.stringMatching(/^recipe:[0-9a-f]{64}$/), kind: 'recipe', label: 'mix', adapterId: null })
  const names = calls[0]!.adapters[1]!.modules.map(({ name }) => name)
  const expected = names.map((name) => (name === 'model.layers.1.self_attn.q_proj' ? -2 : 0.5))
  expect(expected).toContain(-2)
  expect(terms()).toEqual({ one: 0.7, two: expected })
})

test('sums that keep everything are terms: linear, average over all adapters, one adapter in factor sums, one that stands twice', async () => {
  const pair = [{ adapter: 'one' }, { adapter: 'two' }]
  await evaluateRecipe({ method: 'linear', adapters: pair, output: { rank: 'sum' } })
  expect(terms()).toEqual({ one: 1, two: 1 })
  await evaluateRecipe({ method: 'average', adapters: pair, output: { rank: 'sum' } })
  expect(terms()).toEqual({ one: 0.5, two: 0.5 })
  await evaluateRecipe({ method: 'peft_linear', adapters: [{ adapter: 'two', coefficient: 3 }] })
  expect(terms()).toEqual({ two: 3 })
  await evaluateRecipe({
    method: 'concat',
    adapters: [
      { adapter: 'one', coefficient: 2 },
      { adapter: 'one', coefficient: -0.5 },
    ],
  })
  expect(terms()).toEqual({ one: 1.5 })
})

test('what is cut or otherwise merged is merged first, into the folder of the job, and removed', async () => {
  const merges: { job: ResolvedMergeJob; outFile: string }[] = []
  const core = scriptedEngine({ calls })
  await bench.close()
  bench = openEvaluateBench({ calls }, bench.folder, {
    engine: {
      ...core,
      merge(job, outFile, run) {
        merges.push({ job, outFile })
        return core.merge(job, outFile, run)
      },
      evaluate(request, run) {
        expect(existsSync(request.adapters[0]!.weightsFile)).toBe(true)
        return core.evaluate(request, run)
      },
    },
  })
  for (const recipe of [
    { method: 'linear', adapters: [{ adapter: 'one' }, { adapter: 'two' }], output: { rank: 3 } },
    { method: 'ties', adapters: [{ adapter: 'one' }, { adapter: 'two' }] },
    { method: 'peft_linear', adapters: [{ adapter: 'one' }, { adapter: 'one', coefficient: 2 }] },
  ]) {
    const { job, runs } = await evaluateRecipe(recipe)
    expect(job.state).toBe('done')
    expect(runs).toMatchObject([{ done: 4, subject: { kind: 'recipe' } }])
    const { job: merged, outFile } = merges.at(-1)!
    expect(merged.method).toBe(recipe.method)
    const request = calls.at(-1)!
    expect(request.subjects).toEqual([{ name: 'mix', terms: [{ adapter: 0, coefficients: 1 }] }])
    expect(request.adapters[0]).toMatchObject({ weightsFile: outFile })
    expect(request.adapters[0]!.modules[0]).toMatchObject({ rank: merged.output.rank, scaling: 1, a: merged.modules[0]!.outputA })
    expect(existsSync(outFile)).toBe(false)
  }
  expect(readdirSync(join(bench.folder, 'evaluations'))).toEqual([])
})

test('a recipe that cannot be resolved refuses the job, by its name', async () => {
  const recipe = { method: 'concat', adapters: [{ adapter: 'nobody' }] }
  const input = inputOf({
    baseId,
    subjects: [{ kind: 'base' }, { kind: 'recipe', name: 'mix', recipe }],
    tasks: [{ taskId: 'reviews', split: 'test' }],
  })
  const { jobId, problems } = bench.queue.start('evaluate', input)
  expect(jobId).toBeNull()
  expect(problems).toMatchObject([{ code: 'adapter-unknown', severity: 'error', message: expect.stringContaining('Recipe mix: ') }])
})

test('every fact that a result depends on makes another key', () => {
  const facts: RunFacts = {
    ...{ base: 'b', subject: 's', task: 't', split: 'test', budget: null, metric: 'exact_match', examples: 'e' },
    ...{ maxNewTokens: 6, maxPromptTokens: null, device: 'CPU (avx2)', nativeBuild: '1' },
  }
  const others: Partial<RunFacts>[] = [
    ...[{ base: 'x' }, { subject: 'x' }, { task: 'x' }, { split: 'train' as const }, { budget: 10 as const }, { metric: 'token_f1' }],
    ...[{ examples: 'x' }, { maxNewTokens: 7 }, { maxPromptTokens: 9 }, { device: 'CPU (avx512)' }, { nativeBuild: '2' }],
  ]
  const keys = [facts, ...others.map((other) => ({ ...facts, ...other }))].map(runKey)
  expect(new Set(keys).size).toBe(Object.keys(facts).length + 1)
  expect(runKey({ ...facts })).toBe(keys[0])
})

test('a journal is read as it grows; of an abandoned one what is whole and sound', () => {
  const file = join(bench.folder, 'journal.jsonl')
  const reader = readJournal(file)
  const line = (item: number) => `${JSON.stringify({ subject: 0, item, seconds: 1, tokens: [1], ended: true, logProbability: -1 })}\n`
  expect(reader.next()).toEqual([])
  appendFileSync(file, line(0) + line(1).slice(0, 9))
  expect(reader.next().map(({ item }) => item)).toEqual([0])
  expect(reader.next()).toEqual([])
  appendFileSync(file, line(1).slice(9) + line(2))
  expect(reader.next().map(({ item }) => item)).toEqual([1, 2])
  appendFileSync(file, line(3).slice(0, 20))
  expect(reader.next()).toEqual([])
  expect(readAbandonedJournal(file).map(({ item }) => item)).toEqual([0, 1, 2])
  appendFileSync(file, `\0\0\0\n${line(4)}`)
  expect(readAbandonedJournal(file).map(({ item }) => item)).toEqual([0, 1, 2])
  expect(() => reader.next()).toThrow("line 1 of the evaluation's file is not one that the core writes")
  expect(readAbandonedJournal(join(bench.folder, 'no journal'))).toEqual([])
})

test('progress is of the whole in examples, with tokens per second of what was answered', () => {
  let at = 0
  const meter = createEvaluateMeter(40, () => at)
  const item = { exampleId: 'e', prompt: 'p', expected: 'a', promptTokens: 9, choices: null }
  const work = { items: [[0, 0]], tasks: [{ items: [item] }] } as unknown as Work
  const line = { subject: 0, item: 0, seconds: 1, tokens: [1], ended: true, logProbability: -1 }
  const told = (fraction: number) => meter.progress({ stage: 'evaluating', fraction, rate: 1, unit: 'examples', etaSeconds: 5 })
  meter.begin(work, 10)
  expect(told(0)).toEqual({ stage: 'evaluating', fraction: 0, rate: 0, unit: 'tokens', etaSeconds: null, detail: '0 of 40 examples' })
  at = 2000
  meter.count(Array.from({ length: 10 }, () => line))
  expect(told(1)).toMatchObject({ fraction: 0.25, rate: 50, detail: '10 of 40 examples', etaSeconds: 6 })
  meter.begin(work, 30)
  at = 4000
  expect(told(0.5)).toMatchObject({ fraction: 0.625, rate: 25, detail: '25 of 40 examples' })
  const loading = { stage: 'loading', fraction: 0.5, rate: 7, unit: 'bytes', etaSeconds: 1 }
  expect(meter.progress(loading)).toEqual(loading)
})
