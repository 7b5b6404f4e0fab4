import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { keepBest, startAdaptations } from '../../../src-main/jobs/adapt-start.ts'
import { readSafetensors } from '../../helpers/safetensors.ts'
import { adapt, adaptInput, addLearnTask, ended, fillBench, openAdaptBench, startAdapt, type LearnScript } from './adapt-bench.ts'
import { removeBench, type Bench } from './bench.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let bench: Bench
let learned: LearnScript['learned']
let evaluated: LearnScript['evaluated']
let baseId: string
let ids: string[]

function script(more: Partial<LearnScript> = {}): LearnScript {
  return { learned, evaluated, ...more }
}

beforeEach(async () => {
  learned = []
  evaluated = []
  bench = openAdaptBench(script())
  const filled = await fillBench(bench)
  baseId = filled.baseId
  ids = filled.ids
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

async function reopen(more: Partial<LearnScript>): Promise<void> {
  await bench.close()
  bench = openAdaptBench(script(more), bench.folder)
}

const tune = (params: Record<string, unknown> = {}, more: Partial<AdaptRequestInput> = {}) =>
  adaptInput({ arm: 'tune', baseId, taskId: 'reviews', params: { selection: 'manual', steps: 20, ...params }, ...more })
const train = (params: Record<string, unknown> = {}, more: Partial<AdaptRequestInput> = {}) =>
  adaptInput({ arm: 'train', baseId, taskId: 'reviews', params: { rank: 4, alpha: 8, steps: 20, ...params }, ...more })
const workFolders = (): string[] => {
  const folder = join(bench.folder, 'adaptations')
  return existsSync(folder) ? readdirSync(folder) : []
}
const weightsOf = (id: string) => readSafetensors(join(bench.library.adapters.get(id)!.paths[0]!, 'adapter_model.safetensors'))

describe('tuning', () => {
  test('makes the exact sum of the adapters at the learned coefficients, with lineage, curve, shares and measurements', async () => {
    await reopen({ coefficient: (adapter, module) => (adapter + 1) * 0.25 + module * 0.01, best: 10 })
    const { job, result, detail } = await adapt(bench, tune({ k: 2 }, { ownId: ids[2]! }))
    expect(job).toMatchObject({ state: 'done', problems: [], title: 'Tune on Reviews' })
    expect(result).toMatchObject({ chosenStep: 10, startLoss: 1.1, chosenLoss: 1, stopped: 'done', adapterId: job.resultAdapterId })
    const made = bench.library.adapters.get(job.resultAdapterId!)!
    expect(made).toMatchObject({ origin: 'tuned', ranks: [8], scaling: [1], status: 'ok', name: 'Tune on Reviews' })
    expect(made.lineage).toMatchObject({
      ...{ kind: 'tuned', method: 'concat', jobId: job.id, fingerprint: job.fingerprint },
      adaptation: { arm: 'tune', control: null, taskId: 'reviews', seed: 1, chosenStep: 10, startLoss: 1.1, chosenLoss: 1 },
    })
    expect(made.lineage!.adaptation!.pool).toHaveLength(2)
    expect(made.lineage!.adaptation!.curve).toContainEqual({ step: 10, loss: 1 })
    expect(made.lineage!.adaptation!.trainIds).toHaveLength(12)
    expect(made.lineage!.adaptation!.validationIds).toHaveLength(4)
    expect(made.lineage!.sources.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    // The first module is the first of the file; concatenated A are the sources' A, the coefficient is in the factors.
    const name = 'model.layers.0.self_attn.q_proj'
    const place = bench.library.adapters.get(ids[0]!)!.modules.findIndex((module) => module.name === name)
    const norms = ids.slice(0, 2).map((id) => bench.library.adapters.get(id)!.modules[place]!.norm!)
    const table = detail.coefficients!
    expect(table.adapters.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(table.values[table.modules.indexOf(name)]).toEqual([0.25 + place * 0.01, 0.5 + place * 0.01])
    expect(table.shares!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
    expect(table.shares![1]! / table.shares![0]!).toBeGreaterThan(1)
    expect(norms.every((norm) => norm > 0)).toBe(true)
    expect(detail.form).toMatchObject({ rank: 8, exact: true, keptEnergy: 1 })
    expect(detail.form!.measured.map(({ what, split, n }) => [what, split, n])).toEqual([
      ['base', 'validation', 4],
      ['own', 'validation', 4],
      ['exact', 'validation', 4],
    ])
    expect(detail.curve.filter(({ validationLoss }) => validationLoss !== null).map(({ step }) => step)).toEqual([0, 10, 20])
    expect(detail.curve.filter(({ trainLoss }) => trainLoss !== null)).toHaveLength(20)
    expect(detail).toMatchObject({ done: 20, total: 20, trainExamples: 12, validationExamples: 4, noValidation: false })
    expect(detail.cost).toMatchObject({ tokens: 200, seconds: 2, examples: 16, device: 'CPU (none)' })
    expect(workFolders()).toEqual([])
    const card = readFileSync(join(result.path!, 'README.md'), 'utf8')
    expect(card).toContain('no test example was read')
    expect(learned[0]!.request).toMatchObject({
      steps: 20,
      batch: 8,
      seed: 1,
      validateEvery: 10,
      checkpointEvery: 10,
      choose: 'validation',
    })
    expect(learned[0]!.request.coefficients).toEqual({
      ...{ train: true, granularity: 'module', activation: 'leaky_relu' },
      start: { kind: 'constant', value: 0 },
    })
    expect(learned[0]!.request.optimiser).toMatchObject({ coefficientRate: 0.05, schedule: 'cosine', warmupSteps: 2, weightDecay: 0 })
  })

  test('cuts to the rank that is asked for, and measures the exact sum beside it', async () => {
    const { detail, job } = await adapt(bench, tune({ outputRank: 4 }))
    expect(bench.library.adapters.get(job.resultAdapterId!)!.ranks).toEqual([4])
    expect(detail.form).toMatchObject({ rank: 4, exact: false })
    expect(detail.form!.keptEnergy).toBeGreaterThan(0.2)
    expect(detail.form!.keptEnergy).toBeLessThan(1)
    expect(detail.form!.measured.map(({ what }) => what)).toEqual(['base', 'exact', 'result'])
    expect(detail.method).toBe('linear')
  })

  test('takes coefficients of rank units, and adapters that were trained too, from the factors that the core wrote', async () => {
    const unit = await adapt(bench, tune({ granularity: 'unit', k: 2 }))
    expect(unit.job).toMatchObject({ state: 'done', problems: [] })
    const made = bench.library.adapters.get(unit.job.resultAdapterId!)!
    expect(made.ranks).toEqual([8])
    expect(unit.detail.coefficients!.values[0]).toEqual([0.5, 0.5])
    expect(unit.detail.coefficients!.shares).toHaveLength(2)
    const trained = await adapt(bench, tune({ trainAdapters: true, k: 2, learningRate: 0.01 }))
    expect(trained.job).toMatchObject({ state: 'done', problems: [] })
    expect(learned[1]!.request.adapters.map(({ train: what }) => what)).toEqual(['both', 'both'])
    expect(learned[1]!.request.optimiser).toMatchObject({ rate: 0.0001, coefficientRate: 0.01, clipNorm: 1 })
    expect(trained.job.resultAdapterId).not.toBe(unit.job.resultAdapterId)
  })

  test('by a budget without validation examples says so, and the training examples choose', async () => {
    const { job, detail } = await adapt(bench, tune({}, { budget: 10 }))
    expect(job.state).toBe('done')
    expect(job.problems.map(({ code }) => code)).toEqual(['no-validation'])
    expect(detail).toMatchObject({ noValidation: true, trainExamples: 10, validationExamples: 0 })
    expect(learned[0]!.request.validation).toEqual(learned[0]!.request.train)
    expect(detail.form!.measured.map(({ split }) => split)).toEqual(['train', 'train'])
  })

  test('that runs away keeps the best step, and says at which step and with which loss', async () => {
    await reopen({ stopAfter: 7, then: 'diverge', best: 3 })
    const { job, result, detail } = await adapt(bench, tune())
    expect(job.state).toBe('done')
    expect(job.problems).toMatchObject([{ code: 'loss-diverged', severity: 'warning', message: expect.stringContaining('step 7 with a loss of 31.25') }]) // prettier-ignore
    expect(result).toMatchObject({ chosenStep: 3, stopped: 'diverged' })
    expect(detail).toMatchObject({ stopped: 'diverged', stoppedText: 'diverged at step 7 with a loss of 31.25' })
    await reopen({ stopAfter: 7, then: 'not-finite', coefficient: () => 0.75 })
    const other = await adapt(bench, tune({}, { seed: 2 }))
    expect(other.job.problems).toMatchObject([{ code: 'gradient-not-finite', where: { tensor: 'model.layers.0.mlp.up_proj' } }])
  })
})

describe('a job that is stopped', () => {
  test('goes on from its checkpoint when it is run again, and makes the same adapter', async () => {
    const whole = await adapt(bench, tune())
    const expected = readFileSync(join(whole.result.path!, 'adapter_model.safetensors'))
    let stop: () => void = () => undefined
    await reopen({ stopAfter: 12, then: 'wait', onStop: () => setImmediate(() => stop()) })
    const jobId = startAdapt(bench, tune({}, { seed: 3 }))
    stop = () => void bench.queue.cancel(jobId)
    const cancelled = await ended(bench, jobId)
    expect(cancelled.job).toMatchObject({ state: 'cancelled', resultAdapterId: null })
    expect(workFolders()).toHaveLength(1)
    await reopen({})
    const again = bench.queue.runAgain(jobId).jobId!
    const { job, result } = await ended(bench, again)
    expect(job.state).toBe('done')
    expect(learned.map(({ from }) => from)).toEqual([0, 0, 12])
    expect(readFileSync(join(result.path!, 'adapter_model.safetensors')).equals(expected)).toBe(true)
    expect(bench.library.adaptations.get(again)!.curve.filter(({ trainLoss }) => trainLoss !== null)).toHaveLength(20)
    expect(workFolders()).toEqual([])
  })

  test('by the death of its process is interrupted, and goes on from its checkpoint', async () => {
    await bench.close()
    const child = spawn(process.execPath, [join(import.meta.dirname, 'adapt-child.ts'), bench.folder, baseId], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    bench = openAdaptBench(script(), bench.folder)
    await bench.queue.tidy()
    const [left] = bench.queue.list()
    expect(left!.state).toBe('interrupted')
    const { job } = await ended(bench, bench.queue.runAgain(left!.id).jobId!)
    expect(job.state).toBe('done')
    expect(learned.map(({ from }) => from)).toEqual([10])
  })

  test('that is asked to keep the best ends as if the present step had been its last', async () => {
    let reached: () => void = () => undefined
    const stopping = new Promise<void>((resolve) => (reached = resolve))
    await reopen({ stopAfter: 5, then: 'wait', best: 4, onStop: () => reached() })
    const jobId = startAdapt(bench, tune())
    await stopping
    expect(keepBest(jobId, bench.adapt, bench.queue)).toEqual([])
    const { job, detail } = await ended(bench, jobId)
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(detail).toMatchObject({ stopped: 'asked', stoppedText: 'ended after step 5, as asked for', chosenStep: 4, done: 5 })
    expect(keepBest(jobId, bench.adapt, bench.queue)).toMatchObject([{ code: 'job-not-restartable' }])
    expect(keepBest('nothing', bench.adapt, bench.queue)).toMatchObject([{ code: 'job-unknown' }])
  })

  test('whose request changed begins anew', async () => {
    let stop: () => void = () => undefined
    await reopen({ stopAfter: 12, then: 'wait', onStop: () => setImmediate(() => stop()) })
    const jobId = startAdapt(bench, tune())
    stop = () => void bench.queue.cancel(jobId)
    await ended(bench, jobId)
    const [folder] = workFolders()
    const file = join(bench.folder, 'adaptations', folder!, 'checkpoint', 'checkpoint.json')
    writeFileSync(file, JSON.stringify({ request: 'another', step: 12 }))
    await reopen({})
    const { job } = await ended(bench, bench.queue.runAgain(jobId).jobId!)
    expect(job.state).toBe('done')
    expect(learned.map(({ from }) => from)).toEqual([0, 0])
  })

  test('leaves no folder behind once it cannot be run again', async () => {
    let stop: () => void = () => undefined
    await reopen({ stopAfter: 12, then: 'wait', onStop: () => setImmediate(() => stop()) })
    const jobId = startAdapt(bench, tune())
    stop = () => void bench.queue.cancel(jobId)
    await ended(bench, jobId)
    bench.queue.remove(jobId)
    expect(bench.library.adaptations.get(jobId)).toBeNull()
    await reopen({})
    await adapt(bench, tune({}, { seed: 9 }))
    expect(workFolders()).toEqual([])
  })
})

describe('training', () => {
  test('writes a PEFT adapter with its own rank and alpha, named as its pool names the base model', async () => {
    const { job, detail, result } = await adapt(bench, train({ targets: 'qv', rsLora: true }))
    expect(job).toMatchObject({ state: 'done', problems: [], title: 'Train on Reviews' })
    const made = bench.library.adapters.get(job.resultAdapterId!)!
    expect(made).toMatchObject({
      origin: 'trained',
      ranks: [4],
      alphas: [8],
      scaling: [4],
      useRslora: true,
      targetModules: ['q_proj', 'v_proj'],
    })
    expect(made.baseModelName).toBe('test/tiny-llama')
    expect(made.lineage).toMatchObject({ kind: 'trained', method: 'lora', sources: [], adaptation: { arm: 'train', pool: [] } })
    expect(detail.form).toMatchObject({ rank: 4, exact: true })
    expect(result.measured.map(({ what }) => what)).toEqual(['base', 'exact'])
    const [adapter] = learned[0]!.request.adapters
    expect(adapter).toMatchObject({
      key: 'fresh 1',
      weightsFile: null,
      train: 'both',
      fresh: { a: 'uniform' },
      dropout: 0.1,
      maskFile: null,
    })
    expect(learned[0]!.request.coefficients).toBeNull()
    expect(learned[0]!.request.optimiser).toMatchObject({ rate: 0.003, bRatio: 1, clipNorm: 1, clipEach: false })
  })

  test('of LoRI-S finds its mask first, and its zeros stay exact', async () => {
    const { job, detail } = await adapt(bench, train({ variant: 'lori_s', sparsity: 0.9 }))
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(
      learned.map(({ request }) => [request.adapters[0]!.key, request.adapters[0]!.train, request.adapters[0]!.maskFile !== null]),
    ).toEqual([
      ['mask 1', 'b', false],
      ['fresh 1', 'b', true],
    ])
    const factors = [...weightsOf(job.resultAdapterId!)].filter(([name]) => name.includes('lora_B'))
    const values = factors.flatMap(([, { data }]) => [...data])
    expect(values.filter((value) => value === 0).length / values.length).toBeCloseTo(0.9, 1)
    expect(detail).toMatchObject({ total: 40, done: 40 })
  })

  test('goes on from an adapter, with both factors or with A frozen, and keeps its ranks and alphas', async () => {
    const { job } = await adapt(bench, train({}, { startFrom: ids[0]! }))
    expect(job.state).toBe('done')
    const source = bench.library.adapters.get(ids[0]!)!
    const made = bench.library.adapters.get(job.resultAdapterId!)!
    expect([made.ranks, made.alphas, made.scaling]).toEqual([source.ranks, source.alphas, source.scaling])
    expect(made.lineage!.sources.map(({ id }) => id)).toEqual([ids[0]])
    expect(learned[0]!.request.adapters[0]).toMatchObject({ train: 'both', fresh: null })
    expect(learned[0]!.request.adapters[0]!.weightsFile).toContain('one')
    await adapt(bench, train({ variant: 'lori_s', startUse: 'frozen_a' }, { startFrom: ids[0]! }))
    // The mask is found in a random A of its own, the new task is learned in that of the earlier adapter.
    expect(learned.slice(1).map(({ request }) => request.adapters[0]!.weightsFile === null)).toEqual([true, false])
    expect(learned[2]!.request.adapters[0]).toMatchObject({ train: 'b', fresh: null })
  })

  test('with shuffled answers deals them out by the seed', async () => {
    const plain = await adapt(bench, train())
    const shuffled = await adapt(bench, train({}, { control: 'shuffled_labels' }))
    expect([plain.job.state, shuffled.job.state]).toEqual(['done', 'done'])
    expect(shuffled.job).toMatchObject({ kind: 'control', title: 'Shuffled labels on Reviews' })
    const answers = learned.map(({ request }) => request.train.map(({ answer }) => answer.join()))
    expect(answers[1]).not.toEqual(answers[0])
    expect(answers[1]!.toSorted()).toEqual(answers[0]!.toSorted())
    expect(learned[1]!.request.validation).toEqual(learned[0]!.request.validation)
    expect(learned[1]!.request.train.map(({ prompt }) => prompt)).toEqual(learned[0]!.request.train.map(({ prompt }) => prompt))
  })
})

describe('controls', () => {
  const control = (id: AdaptRequestInput['control'], params: Record<string, unknown> = {}, more: Partial<AdaptRequestInput> = {}) =>
    adaptInput({ arm: 'tune', control: id, baseId, taskId: 'reviews', ownId: ids[2]!, params, ...more })

  test('of random parameters replace the adapters, one’s own LoRA only where it is not kept', async () => {
    const params = { selection: 'manual', steps: 20 }
    const all = await adapt(bench, control('random_parameters', params))
    expect(all.job).toMatchObject({ state: 'done', problems: [], title: 'Random parameters on Reviews' })
    expect(all.detail.coefficients!.adapters.map(({ name }) => name)).toEqual(['random, as one', 'random, as two'])
    expect(all.detail.coefficients!.shares).toHaveLength(2)
    const made = bench.library.adapters.get(all.job.resultAdapterId!)!
    expect(made.lineage).toMatchObject({ sources: [{ id: null }, { id: null }], adaptation: { control: 'random_parameters' } })
    const withOwn = await adapt(bench, control('random_parameters_with_own', params))
    expect(withOwn.detail.coefficients!.adapters.map(({ name }) => name)).toEqual(['three', 'random, as one', 'random, as two'])
    expect(learned[1]!.request.adapters[0]!.weightsFile).toContain('three')
  })

  test('of one’s own LoRA alone re-tune it; without one they are refused', async () => {
    const { job, detail } = await adapt(bench, control('retuned_own', { steps: 20 }))
    // A coefficient of one half and a scaling of 2 leave the factors as they were, under another config.
    expect(job).toMatchObject({ state: 'done', problems: [{ code: 'same-weights', severity: 'warning' }] })
    expect(detail.coefficients!.adapters.map(({ id }) => id)).toEqual([ids[2]])
    const refused = startAdaptations({ input: control('retuned_own', {}, { ownId: null }), seeds: [], sweep: {} }, bench.adapt, bench.queue)
    expect(refused).toMatchObject({ jobIds: [], problems: [{ code: 'own-missing', where: { field: 'ownId' } }] })
  })

  test('of dropout fix it, whatever the parameters say', async () => {
    await adapt(bench, control('own_dropout', { dropout: 0.1, steps: 20, rank: 4 }, { arm: 'train' }))
    expect(learned[0]!.request.adapters[0]!.dropout).toBe(0.5)
  })

  test('that must equal something say in how many answers they do', async () => {
    const zero = await adapt(bench, control('zero_coefficients', { selection: 'manual' }))
    // The script answers by the name of the subject, so some answers differ: that is told, and the job is done all the same.
    const { check } = zero.detail
    expect(check).toMatchObject({ expected: 'the base model', n: 4 })
    expect(zero.job.state).toBe('done')
    expect(zero.job.problems.map(({ code }) => code)).toEqual(check!.equal === 4 ? [] : ['check-failed'])
    const own = await adapt(bench, control('own_alone'))
    expect(own.detail.check).toMatchObject({ expected: 'three', n: 4 })
    expect(learned).toEqual([])
    expect(evaluated.at(-1)!.subjects.map(({ name }) => name)).toContain('three, merged at 1')
    expect(bench.library.bases.matches(baseId)).toMatchObject({ fitting: [{ name: 'one' }, { name: 'three' }, { name: 'two' }] })
  })
})

describe('what cannot start', () => {
  const refusals = (input: ReturnType<typeof tune>) =>
    startAdaptations({ input, seeds: [], sweep: {} }, bench.adapt, bench.queue).problems.map(({ code, where }) => [code, where?.field])

  test('is refused by name', async () => {
    expect(refusals(tune({}, { preset: 'recyling_2026' }))).toEqual([['preset-unknown', 'preset']])
    expect(refusals(tune({}, { preset: 'lori_s' }))).toEqual([['preset-unknown', 'preset']])
    expect(refusals(tune({ stepz: 3 }))).toEqual([['unknown-parameter', 'params.stepz']])
    expect(refusals(tune({ steps: 0 }))).toEqual([['parameter-invalid', 'params.steps']])
    expect(refusals(tune({ selection: 'cosine' }))).toEqual([['own-missing', 'ownId']])
    expect(refusals(tune({ ownFirst: true }))).toEqual([['own-missing', 'ownId']])
    expect(refusals({ ...tune(), taskId: 'nothing' })).toEqual([['task-unknown', 'taskId']])
    expect(refusals({ ...tune(), baseId: 'nothing' })).toEqual([['base-unknown', 'baseId']])
    const other = (await bench.add('other', { shape: { hidden: 12, intermediate: 20, keyValue: 4 } })).id!
    expect(refusals(tune({}, { pool: [other] }))).toEqual([['pool-empty', 'pool']])
    expect(refusals(tune({}, { ownId: other }))).toEqual([['adapter-other-base', 'ownId']])
    const { jobIds, problems } = startAdaptations(
      { input: tune({}, { pool: [ids[0]!, other] }), seeds: [], sweep: {} },
      bench.adapt,
      bench.queue,
    )
    expect(jobIds).toHaveLength(1)
    expect(problems).toMatchObject([{ code: 'adapter-other-base', severity: 'warning' }])
    await bench.queue.whenEnded(jobIds[0]!)
  })

  test('with examples that are all too long is refused, with some it leaves them out and counts them', async () => {
    const { job } = await adapt(bench, tune({ maxTokens: 8 }))
    expect(job).toMatchObject({ state: 'failed', problems: [{ code: 'prompt-too-long' }] })
    const some = await adapt(bench, tune({ maxTokens: 40 }))
    expect(some.detail.skipped + some.detail.trainExamples + some.detail.validationExamples).toBe(16)
    await addLearnTask(bench, 'single', 1, 0)
    await reopen({ coefficient: () => 0.75 })
    const one = await adapt(bench, { ...tune(), taskId: 'single' })
    expect(one.job.problems.map(({ code }) => code)).toEqual(['task-small', 'no-validation'])
  })
})

describe('several at once', () => {
  test('are one job for each seed and each setting, in one group', async () => {
    const start = startAdaptations({ input: tune(), seeds: [1, 2], sweep: { k: [1, 2], steps: [5] } }, bench.adapt, bench.queue)
    expect(start.problems).toEqual([])
    expect(start.jobIds).toHaveLength(4)
    await Promise.all(start.jobIds.map((id) => bench.queue.whenEnded(id)))
    const list = bench.library.adaptations.list({ taskId: 'reviews' })
    expect(new Set(list.map(({ group }) => group)).size).toBe(1)
    expect(list.map(({ seed, params }) => [params['k'], seed]).toReversed()).toEqual([[1, 1], [1, 2], [2, 1], [2, 2]]) // prettier-ignore
    expect(list.at(-1)!.title).toBe('Tune on Reviews, k 1, steps 5')
    expect(list[0]!.title).toBe('Tune on Reviews, k 2, steps 5, seed 2')
    expect(list.every(({ state, adapterId }) => state === 'done' && adapterId !== null)).toBe(true)
    expect(bench.library.adaptations.list({ taskId: 'nothing' })).toEqual([])
  })
})
