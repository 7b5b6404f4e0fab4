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
import { promoteTrial } from '../../../src-main/jobs/search-promote.ts'
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
    expect(updates.at(-2)).toMatchObject({ chosenTrial: best, done: 17, cost: { tokens: journal.tokens, examples: 30 } })
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

  async function search(input: Partial<AdaptRequestInput>) {
    const { queue, library } = opened.services
    const whole = v.parse(adaptInputSchema, { arm: 'search', baseId, taskId: 'sentiment_recommend', pool: ids, budget: 30, ...input })
    const { jobId, problems } = queue.start('search', whole)
    if (jobId === null) throw new Error(JSON.stringify(problems))
    const job = await queue.whenEnded(jobId)
    if (job.state !== 'done') throw new Error(JSON.stringify(job.problems))
    return { job, detail: library.adaptations.get(jobId)!, adapter: library.adapters.get(job.resultAdapterId!)! }
  }

  test('a search ends in an adapter that says where it comes from and what it is worth', async () => {
    const { detail, adapter, job } = await search({ params: { selection: 'manual', trials: 12, population: 11 }, seed: 3 })
    expect(job.problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(detail.trials).toHaveLength(12)
    expect(detail).toMatchObject({ arm: 'search', method: 'concat', done: 12, total: 12, stopped: 'done', trainExamples: 24 })
    expect(detail.chosenLoss!).toBeLessThanOrEqual(detail.startLoss!)
    expect(detail.form).toMatchObject({ rank: 48, exact: true, keptEnergy: 1 })
    expect(detail.form!.measured.map(({ what, split, n }) => [what, split, n])).toEqual([
      ['base', 'validation', 6],
      ['exact', 'validation', 6],
    ])
    expect(adapter).toMatchObject({ status: 'ok', ranks: [48] })
    const kept = detail.trials[detail.chosenTrial!]!
    expect(adapter.lineage).toMatchObject({
      kind: 'tuned',
      method: 'concat',
      sources: ids.map((id, index) => ({ id, coefficient: String(Number(Number(kept.values[names[index]!]).toPrecision(6))) })),
      adaptation: { arm: 'search', taskId: 'sentiment_recommend', seed: 3, chosenStep: kept.index },
    })
    expect(adapter.lineage!.adaptation!.pool).toHaveLength(3)
    expect(adapter.lineage!.adaptation!.trainIds).toHaveLength(24)
    expect(detail.coefficients!.values[0]).toEqual(names.map((name) => kept.values[name]))
    // Everything in the work folder is gone.
    expect(readdirSync(opened.services.adapt.workFolder)).toEqual([])
  })

  test('a trial that was not kept becomes an adapter of its own by a merge', async () => {
    const { detail } = await search({ params: { selection: 'manual', trials: 4, optimiser: 'random', granularity: 'sublayer' } })
    const { queue, library, adapt } = opened.services
    const other = detail.trials.find(({ index }) => index !== detail.chosenTrial && index > 0)!
    const { jobId, problems } = promoteTrial({ jobId: detail.jobId, trial: other.index }, adapt, queue)
    expect(problems).toEqual([])
    const job = await queue.whenEnded(jobId!)
    expect(job).toMatchObject({ state: 'done', title: `${detail.title}, trial ${other.index}` })
    expect(library.adaptations.get(detail.jobId)!.trials[other.index]!.adapterId).toBe(job.resultAdapterId)
    const made = library.adapters.get(job.resultAdapterId!)!
    expect(made.lineage).toMatchObject({ kind: 'merge', method: 'concat', jobId, sources: ids.map((id) => ({ id })) })
    expect(made.ranks).toEqual([48])
    // Evaluated as an adapter, it has the loss of the trial.
    const { jobId: evaluation } = queue.start('evaluate', {
      ...{ baseId, maxNewTokens: null, maxPromptTokens: null, purpose: 'evaluate' },
      subjects: [{ kind: 'adapter', adapterId: made.id, coefficient: 1 }],
      tasks: [{ taskId: 'sentiment_recommend', split: 'train', budget: 30, limit: null, metric: 'mean_loss' }],
    })
    await queue.whenEnded(evaluation!)
    const { runs } = (await queue.get(evaluation!))!.result as { readonly runs: readonly string[] }
    const penalty =
      (0.05 * Object.values(other.values).reduce<number>((sum, value) => sum + Math.abs(Number(value)), 0)) /
      Object.keys(other.values).length
    expect(library.runs.get(runs[0]!)!.value! + penalty).toBeCloseTo(other.objective!, 4)
    expect(promoteTrial({ jobId: detail.jobId, trial: 4 }, adapt, queue).problems).toMatchObject([
      { code: 'parameter-invalid', allowed: ['a whole number from 0 to 3'] },
    ])
    expect(promoteTrial({ jobId: 'nobody', trial: 0 }, adapt, queue).problems).toMatchObject([{ code: 'job-unknown' }])
  })

  test('a cancelled search goes on where it was, and ends as one that ran through', async () => {
    const input = { params: { selection: 'manual', trials: 61, population: 6 }, seed: 5 }
    const { detail: whole } = await search(input)
    const { queue, library } = opened.services
    const { jobId } = queue.start(
      'search',
      v.parse(adaptInputSchema, { arm: 'search', baseId, taskId: 'sentiment_recommend', pool: ids, budget: 30, ...input }),
    )
    while ((library.adaptations.get(jobId!)?.trials.length ?? 0) < 13) await new Promise((resume) => setTimeout(resume, 10))
    expect(queue.cancel(jobId!)).toEqual([])
    expect(await queue.whenEnded(jobId!)).toMatchObject({ state: 'cancelled', resultAdapterId: null })
    const before = library.adaptations.get(jobId!)!.trials.length
    expect(before).toBeLessThan(61)
    const again = queue.runAgain(jobId!)
    expect(await queue.whenEnded(again.jobId!)).toMatchObject({ state: 'done' })
    const { trials, chosenTrial, cost } = library.adaptations.get(again.jobId!)!
    expect(trials).toEqual(whole.trials)
    expect(chosenTrial).toBe(whole.chosenTrial)
    expect(cost.tokens).toBe(whole.cost.tokens)
    expect((await queue.get(again.jobId!))!.log.join('\n')).toMatch(/goes on after (1[3-9]|[2-5]\d|60) trials/)
  })

  test('LoraHub searches the factors added up separately', async () => {
    const { detail, adapter } = await search({ preset: 'lorahub', params: { selection: 'manual', trials: 6, population: 5 } })
    expect(detail).toMatchObject({ method: 'lorahub', preset: 'lorahub' })
    expect(detail.trials.map(({ problem }) => problem)).toEqual([null, null, null, null, null, null])
    // Nothing is held out.
    expect(detail.trials.every(({ validation }) => validation === null)).toBe(true)
    expect(adapter.ranks).toEqual([16])
    expect(detail.form!.measured.at(-1)!.what).toBe('result')
  })
})
