import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { readSafetensors } from '../../helpers/safetensors.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { adapt, adaptInput, ended, type Adapted } from './adapt-bench.ts'
import { addDemo, poolNames } from './adapt-demo.ts'
import { evaluate, inputOf } from './evaluate-bench.ts'

// The real core on the demo's base model, with few and short steps.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  let opened: OpenedServices
  let baseId: string
  let ids: readonly string[]
  beforeAll(async () => {
    opened = openTestServices()
    const added = await addDemo(opened.services)
    baseId = added.baseId
    ids = added.ids
  })
  afterAll(() => opened.close())

  const run = (input: Partial<AdaptRequestInput>): Promise<Adapted> => {
    const { adapt: services, queue, library } = opened.services
    return adapt(
      { adapt: services, queue, library },
      adaptInput({ arm: 'tune', baseId, taskId: 'sentiment', ...input } as AdaptRequestInput),
    )
  }
  const short = { selection: 'manual', steps: 8, batch: 4, validateEvery: 4 }
  const trained = { rank: 4, alpha: 8, steps: 12, batch: 4, validateEvery: 4, learningRate: 0.01 }
  const weightsOf = (id: string): string => join(opened.services.library.adapters.get(id)!.paths[0]!, 'adapter_model.safetensors')

  /** The loss of the adapter on the validation examples, as an evaluation finds it. */
  async function lossOf(adapterId: string): Promise<number> {
    const { runs } = await evaluate(
      opened.services,
      inputOf({
        baseId,
        subjects: [{ kind: 'adapter', adapterId, coefficient: 1 }],
        tasks: [{ taskId: 'sentiment', split: 'validation', budget: 30, metric: 'mean_loss' }],
      }),
    )
    return runs[0]!.value!
  }

  test.each(['module', 'adapter', 'unit'])('tuning by %s: the adapter has the loss that the chosen step had', async (granularity) => {
    const { job, result, detail } = await run({ budget: 30, params: { ...short, granularity, k: 3, choose: 'last' } })
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(result).toMatchObject({ chosenStep: 8, stopped: 'done' })
    expect(result.startLoss).toBeGreaterThan(0)
    expect(await lossOf(job.resultAdapterId!)).toBeCloseTo(result.chosenLoss!, 3)
    expect(Math.abs(result.chosenLoss! - result.startLoss!)).toBeGreaterThan(1e-4)
    expect(detail.coefficients!.shares!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
    expect(detail.curve.filter(({ validationLoss }) => validationLoss !== null).map(({ step }) => step)).toEqual([0, 4, 8])
    expect(detail.form!.measured.map(({ what, split, n }) => [what, split, n])).toEqual([['base', 'validation', 6], ['exact', 'validation', 6]]) // prettier-ignore
    expect(opened.services.library.adapters.get(job.resultAdapterId!)).toMatchObject({ origin: 'tuned', lineage: { kind: 'tuned' } })
  })

  test('tuning that trains the adapters too, cut to a rank, keeps the files of the pool as they are', async () => {
    const before = ids.map((id) => readFileSync(weightsOf(id)))
    const { job, result, detail } = await run({
      budget: 30,
      params: { ...short, k: 2, trainAdapters: true, adapterLearningRate: 0.001, choose: 'last' },
    })
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(await lossOf(job.resultAdapterId!)).toBeCloseTo(result.chosenLoss!, 3)
    expect(ids.map((id) => readFileSync(weightsOf(id)).equals(before[ids.indexOf(id)]!))).toEqual(ids.map(() => true))
    const cut = await run({ budget: 30, params: { ...short, k: 3, outputRank: 4, choose: 'last' } })
    expect(cut.job).toMatchObject({ state: 'done', problems: [] })
    expect(cut.detail.form).toMatchObject({ rank: 4, exact: false })
    expect(cut.detail.form!.keptEnergy).toBeLessThan(1)
    expect(detail.form).toMatchObject({ exact: true, keptEnergy: 1 })
  })

  test('training a fresh LoRA: the file has the loss of the chosen step, and rank and alpha as asked for', async () => {
    const { job, result } = await run({ arm: 'train', budget: 30, params: { ...trained, choose: 'last' } })
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(result.chosenLoss!).toBeLessThan(result.startLoss!)
    expect(await lossOf(job.resultAdapterId!)).toBeCloseTo(result.chosenLoss!, 3)
    const made = opened.services.library.adapters.get(job.resultAdapterId!)!
    expect(made).toMatchObject({ origin: 'trained', ranks: [4], alphas: [8], scaling: [2], baseModelName: 'amalgam-demo/tiny-llama' })
    const further = await run({
      arm: 'train',
      budget: 30,
      startFrom: made.id,
      params: { ...trained, steps: 4, choose: 'last', dropout: 0 },
    })
    expect(further.job.state).toBe('done')
    expect(further.result.startLoss).toBeCloseTo(result.chosenLoss!, 3)
  })

  test('training LoRI-S: nine of ten entries of B are exact zeros, A is as it was drawn, and the library knows the variant', async () => {
    const params = { ...trained, variant: 'lori_s', sparsity: 0.9, dropout: 0, learningRate: 0.02, choose: 'last' }
    const { job, result } = await run({ arm: 'train', budget: 30, params })
    expect(job).toMatchObject({ state: 'done', problems: [] })
    const factors = [...readSafetensors(weightsOf(job.resultAdapterId!))]
    const values = factors.filter(([name]) => name.includes('lora_B')).flatMap(([, { data }]) => [...data])
    const zeros = values.filter((value) => value === 0).length
    expect(zeros / values.length).toBeGreaterThanOrEqual(0.9 - 1e-3)
    expect(zeros).toBeLessThan(values.length)
    expect(opened.services.library.adapters.get(job.resultAdapterId!)).toMatchObject({ variant: 'lori-s', lineage: { method: 'lori_s' } })
    expect(await lossOf(job.resultAdapterId!)).toBeCloseTo(result.chosenLoss!, 3)
    // The continual recipe: A and everything outside the new task's mask stay bit for bit.
    const next = await run({
      arm: 'train',
      budget: 30,
      seed: 2,
      startFrom: job.resultAdapterId!,
      params: { ...params, startUse: 'frozen_a' },
    })
    expect(next.job.state).toBe('done')
    const after = readSafetensors(weightsOf(next.job.resultAdapterId!))
    let [changed, all] = [0, 0]
    for (const [name, { data }] of factors) {
      const now = after.get(name)!.data
      if (name.includes('lora_A')) expect(Buffer.from(now.buffer).equals(Buffer.from(data.buffer))).toBe(true)
      else {
        all += data.length
        changed += [...data].reduce((sum, value, index) => sum + (Object.is(value, now[index]) ? 0 : 1), 0)
      }
    }
    expect(changed).toBeGreaterThan(0)
    expect(changed / all).toBeLessThanOrEqual(0.1 + 1e-3)
  })

  test('controls: coefficients times 0 equal the base model, one’s own LoRA times 1 equals itself, answer for answer', async () => {
    const zero = await run({ control: 'zero_coefficients', params: { selection: 'manual', k: 3 } })
    expect(zero.job).toMatchObject({ state: 'done', problems: [] })
    const n = zero.detail.validationExamples
    expect(zero.detail.check).toEqual({ expected: 'the base model', equal: n, n, difference: { value: 0, low: 0, high: 0, n } })
    const own = await run({ control: 'own_alone', ownId: ids[0]! })
    expect(own.job).toMatchObject({ state: 'done', problems: [] })
    expect(own.detail.check).toEqual({ expected: poolNames[0], equal: n, n, difference: { value: 0, low: 0, high: 0, n } })
  })

  test('controls: random parameters are tuned in the place of the adapters, one’s own LoRA stays', async () => {
    const { job, result, detail } = await run({
      control: 'random_parameters_with_own',
      pool: ids.slice(1),
      ownId: ids[0]!,
      budget: 30,
      params: { ...short, choose: 'last' },
    })
    expect(job).toMatchObject({ state: 'done', problems: [] })
    expect(detail.coefficients!.adapters.map(({ name }) => name)).toEqual([
      poolNames[0],
      ...poolNames.slice(1).map((name) => `random, as ${name}`),
    ])
    expect(await lossOf(job.resultAdapterId!)).toBeCloseTo(result.chosenLoss!, 3)
  })

  test('a process that is killed while it learns goes on from its checkpoint, and makes the same bytes', async () => {
    const input = { arm: 'train', budget: 30, params: { ...trained, steps: 60, validateEvery: 5, choose: 'last' } } as const
    const whole = await run({ ...input, seed: 5 })
    const expected = readFileSync(weightsOf(whole.job.resultAdapterId!))
    const other = openTestServices()
    try {
      const added = await addDemo(other.services)
      await other.services.close()
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'adapt-native-child.ts'), other.folder, added.baseId, JSON.stringify(input)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      await once(child.stdout, 'data')
      child.kill('SIGKILL')
      await once(child, 'exit')
      const again = openTestServices(other.folder)
      try {
        const { queue, library } = again.services
        await queue.tidy()
        const [left] = queue.list()
        expect(left!.state).toBe('interrupted')
        const { job, detail } = await ended({ queue, library }, queue.runAgain(left!.id).jobId!)
        expect(job).toMatchObject({ state: 'done', problems: [] })
        expect(detail.curve.filter(({ trainLoss }) => trainLoss !== null)).toHaveLength(60)
        const made = join(library.adapters.get(job.resultAdapterId!)!.paths[0]!, 'adapter_model.safetensors')
        expect(readFileSync(made).equals(expected)).toBe(true)
      } finally {
        await again.close()
      }
    } finally {
      await other.close().catch(() => undefined)
    }
  })
})
