import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { adaptInputSchema, type AdaptationDetail, type AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { readEvaluateLines } from '../../../src-main/engine/evaluate-request.ts'
import { encodeAdaptation } from '../../../src-main/jobs/adapt-examples.ts'
import { resolveAdaptation } from '../../../src-main/jobs/adapt-resolve.ts'
import type { ResolvedAdaptation, UsableAdapter } from '../../../src-main/jobs/adapt-types.ts'
import { readPeftAdapter } from '../../helpers/peft.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'

// Selections end to end: the real core on the demo's base model, every value against one that is found in another way.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const names = ['sentiment-r16', 'topic-r16', 'rude-r16']

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  let opened: OpenedServices
  let ids: string[]
  let baseId: string
  beforeAll(async () => {
    opened = openTestServices()
    const { importer, bases, library } = opened.services
    await importer.finished(importer.start(names.map((name) => join(demoAdapters, name))).id!)
    ids = names.map((name) => (library.adapters.find(join(demoAdapters, name)) as { readonly id: string }).id)
    baseId = await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
    await library.tasks.add(join(demoKit, 'tasks', 'sentiment_recommend.task.json'))
    await library.bases.readShapes()
  })
  afterAll(() => opened.close())

  const inputOf = (more: Partial<AdaptRequestInput>) =>
    v.parse(adaptInputSchema, { arm: 'select', baseId, taskId: 'sentiment_recommend', pool: ids, budget: 10, ...more })

  async function select(params: Readonly<Record<string, unknown>>, more: Partial<AdaptRequestInput> = {}): Promise<AdaptationDetail> {
    const { queue, library } = opened.services
    const { jobId, problems } = queue.start('select', inputOf({ params, ...more }))
    if (jobId === null) throw new Error(JSON.stringify(problems))
    const job = await queue.whenEnded(jobId)
    expect(job.problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(job.state).toBe('done')
    return library.adaptations.get(jobId)!
  }

  async function resolved(): Promise<ResolvedAdaptation> {
    const { adapt } = opened.services
    const { checked, problems } = resolveAdaptation(inputOf({ params: { selection: 'gradient' } }), adapt)
    if (!checked) throw new Error(JSON.stringify(problems))
    return (await encodeAdaptation(checked, adapt)).adaptation!
  }

  /** The mean loss of the training examples' answers with one adapter at a coefficient. */
  async function meanLoss({ train, base }: ResolvedAdaptation, { name, weightsFile, modules }: UsableAdapter, coefficient: number) {
    const outFile = join(opened.folder, 'losses.jsonl')
    rmSync(outFile, { force: true })
    await opened.services.adapt.engine.evaluate({
      ...{ model: base.path, device: 'cpu', memoryBytes: 0, batchTokens: 0, outFile },
      adapters: [{ name, weightsFile, modules }],
      subjects: [{ name, terms: [{ adapter: 0, coefficients: coefficient }] }],
      items: train.map(({ prompt, answer }) => ({ prompt, ask: { kind: 'loss', answer } })),
      work: train.map((_, item) => [0, item]),
    })
    let [sum, count] = [0, 0]
    for (const line of readEvaluateLines(readFileSync(outFile, 'utf8'))) {
      if (!('count' in line)) throw new Error('no line of a loss')
      sum -= line.logProbability
      count += line.count
    }
    return sum / count
  }

  test('by evaluation: values are the runs’ on the training split, and a second selection computes nothing', async () => {
    const detail = await select({ selection: 'evaluation', k: 2 })
    const runs = opened.services.library.runs.list({ taskId: 'sentiment_recommend' })
    expect(runs.map(({ split, budget, n }) => [split, budget, n])).toEqual(names.map(() => ['train', 10, 10]))
    const valueOf = new Map(runs.map(({ subject, value }) => [subject.adapterId, value]))
    expect(detail.selection.map(({ value }) => value)).toEqual(ids.map((id) => valueOf.get(id)))
    expect(detail.selection.filter(({ place }) => place !== null)).toHaveLength(2)
    expect(detail.cost.tokens).toBeGreaterThan(0)
    expect((await select({ selection: 'evaluation', k: 1 })).cost).toMatchObject({ tokens: 0, scoredAdapters: 3 })
  })

  test('by gradient: values are the slopes that small coefficients show', async () => {
    const detail = await select({ selection: 'gradient', k: 3 })
    const adaptation = await resolved()
    const step = 0.02
    for (const [index, adapter] of adaptation.pool.entries()) {
      const slope = ((await meanLoss(adaptation, adapter, step)) - (await meanLoss(adaptation, adapter, -step))) / (2 * step)
      const expected = -slope / adapter.detail.updateNorm!
      expect(Math.abs(detail.selection[index]!.value! / expected - 1)).toBeLessThan(0.02)
    }
    expect(detail.cost.tokens).toBeGreaterThan(0)
  })

  test('by likeness: the cosine and the clamped one are those of the dense updates', async () => {
    const [own, ...pool] = names.map((name) => readPeftAdapter(join(demoAdapters, name)))
    const expected = pool.map((candidate) => {
      let [dot, clamp, norm2, queryNorm2] = [0, 0, 0, 0]
      for (const [module, { delta }] of own!) {
        candidate.get(module)!.delta.forEach((value, i) => {
          dot += value * delta[i]!
          clamp += Math.max(0, value * delta[i]!)
          norm2 += value ** 2
          queryNorm2 += delta[i]! ** 2
        })
      }
      const norms = Math.sqrt(norm2 * queryNorm2 + 1e-6)
      return { cosine: dot / norms, clamp: clamp / norms }
    })
    for (const selection of ['cosine', 'clamp'] as const) {
      const { selection: selected } = await select({ selection, k: 2, ownFirst: true }, { ownId: ids[0]! })
      expect(selected.map(({ place }) => place)).toContain(0)
      const values = selected.slice(1).map(({ value }) => value!)
      values.forEach((value, index) => expect(value).toBeCloseTo(expected[index]![selection], 6))
    }
  })
})
