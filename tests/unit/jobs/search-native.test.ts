import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { adaptInputSchema, type AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import type { EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import { encodeAdaptation } from '../../../src-main/jobs/adapt-examples.ts'
import { resolveAdaptation } from '../../../src-main/jobs/adapt-resolve.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation } from '../../../src-main/jobs/adapt-types.ts'
import { runTrials } from '../../../src-main/jobs/search-run.ts'
import type { AdaptationPatch } from '../../../src-main/library/adaptation-types.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'

// The real core on the demo's base model.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const nothingSpent = { tokens: 0, seconds: 0, examples: 0, scoredAdapters: 0 }
const names = ['sentiment-r16', 'topic-r16', 'rude-r16']

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  let opened: OpenedServices
  let ids: string[]
  let baseId: string
  let calls: EvaluateRequest[]
  let services: AdaptServices
  beforeEach(async () => {
    opened = openTestServices()
    const { importer, bases, library, adapt } = opened.services
    await importer.finished(importer.start(names.map((name) => join(demoAdapters, name))).id!)
    ids = names.map((name) => (library.adapters.find(join(demoAdapters, name)) as { readonly id: string }).id)
    baseId = await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
    await library.tasks.add(join(demoKit, 'tasks', 'sentiment_recommend.task.json'))
    await library.bases.readShapes()
    calls = []
    const evaluate: AdaptServices['engine']['evaluate'] = (request, run) => {
      calls.push(request)
      return adapt.engine.evaluate(request, run)
    }
    services = { ...adapt, engine: { ...adapt.engine, evaluate } }
  })
  afterEach(() => opened.close())

  async function adaptationOf(input: Partial<AdaptRequestInput>): Promise<ResolvedAdaptation> {
    const whole = v.parse(adaptInputSchema, { arm: 'search', baseId, taskId: 'sentiment_recommend', pool: ids, budget: 30, ...input })
    const { checked, problems } = resolveAdaptation(whole, services)
    if (!checked) throw new Error(JSON.stringify(problems))
    const { adaptation } = await encodeAdaptation(checked, services)
    return adaptation!
  }

  function contextIn(name: string, updates: AdaptationPatch[] = []): AdaptContext {
    const folder = join(opened.folder, name)
    mkdirSync(folder, { recursive: true })
    return {
      ...{ jobId: 'job', title: 'a search', recipe: '', folder, stopFile: join(folder, 'stop') },
      signal: new AbortController().signal,
      report: () => undefined,
      note: () => undefined,
      keep: () => undefined,
      update: (patch) => void updates.push(patch),
    }
  }

  test('a population of sixteen that share their adapters is one request, and every adapter is in it once', async () => {
    const adaptation = await adaptationOf({ params: { trials: 17, population: 16 } })
    const updates: AdaptationPatch[] = []
    const { journal, best } = await runTrials(adaptation, adaptation.pool, nothingSpent, services, contextIn('one', updates))
    const [request] = calls
    expect(request!.adapters.map(({ name }) => name)).toEqual(names)
    expect(request!.subjects).toHaveLength(17)
    for (const { terms } of request!.subjects) expect(terms.map(({ adapter }) => adapter)).toEqual([0, 1, 2])
    expect(new Set(request!.subjects.map(({ terms }) => JSON.stringify(terms))).size).toBe(17)
    // The start is measured on the six held-out examples too, and the best of the generation in a request of its own at the end.
    expect(request!.work).toHaveLength(17 * 24 + 6)
    expect(calls.length).toBeLessThanOrEqual(2)
    expect(journal.trials).toHaveLength(17)
    expect(journal.trials[0]!.values).toEqual({ 'sentiment-r16': 0, 'topic-r16': 0, 'rude-r16': 0 })
    expect(journal.trials.every(({ objective }) => objective !== null)).toBe(true)
    expect(journal.trials[best]!.validation).not.toBeNull()
    expect(updates.at(-2)).toMatchObject({ chosenTrial: best, done: 17, cost: { tokens: journal.tokens, examples: 17 * 24 } })
  })

  test('the objective is the mean loss per answer token and the mean absolute coefficient', async () => {
    const adaptation = await adaptationOf({ params: { trials: 4, optimiser: 'random', l1: 0.05, judgedOn: 'train+validation' } })
    const { journal } = await runTrials(adaptation, adaptation.pool, nothingSpent, services, contextIn('two'))
    const recipes = journal.trials.map(({ values }) => ({
      kind: 'recipe' as const,
      name: 'again',
      recipe: { method: 'concat', adapters: ids.map((adapter, index) => ({ adapter, coefficient: Number(values[names[index]!]) })) },
    }))
    const jobId =
      services.evaluation &&
      opened.services.queue.start('evaluate', {
        ...{ baseId, maxNewTokens: null, maxPromptTokens: null, purpose: 'evaluate' },
        subjects: recipes.map((recipe, index) => ({ ...recipe, name: `trial ${index}` })),
        tasks: [{ taskId: 'sentiment_recommend', split: 'train+validation', budget: 30, limit: null, metric: 'mean_loss' }],
      }).jobId!
    await opened.services.queue.whenEnded(jobId)
    const { runs } = (await opened.services.queue.get(jobId))!.result as { readonly runs: readonly string[] }
    expect(runs).toHaveLength(4)
    runs.forEach((id, index) => {
      const { values, objective } = journal.trials[index]!
      const penalty = (0.05 * Object.values(values).reduce<number>((sum, value) => sum + Math.abs(Number(value)), 0)) / 3
      expect(objective).toBeCloseTo(opened.services.library.runs.get(id)!.value! + penalty, 9)
    })
  })

  test('candidates of another method are merged into files that are gone afterwards', async () => {
    const adaptation = await adaptationOf({
      method: 'ties',
      searchCoefficients: false,
      searched: { density: { low: 0.1, high: 1 } },
      params: { trials: 5, optimiser: 'grid', objective: 'metric' },
    })
    const context = contextIn('three')
    const { journal, best } = await runTrials(adaptation, adaptation.pool, nothingSpent, services, context)
    expect(calls[0]!.adapters).toHaveLength(5)
    expect(calls[0]!.adapters.map(({ weightsFile }) => existsSync(weightsFile))).toEqual([false, false, false, false, false])
    expect(readdirSync(context.folder)).toEqual(['search.json'])
    expect(journal.trials.map(({ values }) => values['density'])).toEqual([0.2, 0.1, 0.4, 0.7, 1].map((value) => expect.closeTo(value, 12)))
    for (const { objective } of journal.trials) expect(objective! * 24).toBeCloseTo(Math.round(objective! * 24), 9)
    expect(journal.trials[best]!.objective).toBeLessThanOrEqual(journal.trials[0]!.objective!)
  })

  test('goes on behind what an earlier run left, and ends early when that is wished', async () => {
    const adaptation = await adaptationOf({ params: { trials: 13, population: 6 } })
    const whole = await runTrials(adaptation, adaptation.pool, nothingSpent, services, contextIn('whole'))
    const stopping = contextIn('stopped')
    const update = (patch: AdaptationPatch): void => {
      if (patch.done === 7) writeFileSync(stopping.stopFile, '')
    }
    const stopped = await runTrials(adaptation, adaptation.pool, nothingSpent, services, { ...stopping, update })
    expect(stopped.journal.trials.map(({ values, objective }) => [values, objective])).toEqual(
      whole.journal.trials.slice(0, 7).map(({ values, objective }) => [values, objective]),
    )
    const again = await runTrials(adaptation, adaptation.pool, nothingSpent, services, {
      ...stopping,
      stopFile: join(stopping.folder, 'no wish'),
    })
    expect(again.journal.trials.map(({ values, objective }) => [values, objective])).toEqual(
      whole.journal.trials.map(({ values, objective }) => [values, objective]),
    )
  })

  test('a method that cannot take the adapters is refused with its own words', async () => {
    const adaptation = await adaptationOf({ method: 'peft_linear', params: { trials: 3 } })
    const poor = { ...adaptation.pool[0]!, id: 'gone' }
    const searching = runTrials(adaptation, [poor], nothingSpent, services, contextIn('refused'))
    await expect(searching).rejects.toThrow(/Not one of the 3 trials could be evaluated.*gone/s)
  })
})
