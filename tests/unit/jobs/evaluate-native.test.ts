import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { join } from 'node:path'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { createPrompter } from '../../../src-main/jobs/evaluate-try.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { evaluate, inputOf, rawOutcomes, type Evaluated } from './evaluate-bench.ts'
import type { Subject } from '../../../src-main/contract/run.ts'
import { createEvaluateRunner } from '../../../src-main/jobs/evaluate.ts'
import { createQueue } from '../../../src-main/jobs/queue.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import type { Runners } from '../../../src-main/jobs/runner.ts'

// The real core on the demo's base model.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  let opened: OpenedServices
  let baseId: string
  let ids: string[]
  beforeEach(async () => {
    opened = openTestServices()
    const { importer, bases, library } = opened.services
    const names = ['sentiment-r16', 'topic-r4-attention', 'rude-r16']
    await importer.finished(importer.start(names.map((name) => join(demoAdapters, name))).id!)
    ids = names.map((name) => (library.adapters.find(join(demoAdapters, name)) as { readonly id: string }).id)
    baseId = await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
    await library.tasks.add(join(demoKit, 'tasks', 'sentiment.task.json'))
  })
  afterEach(() => opened.close())

  const tasks = (limit = 40) => [{ taskId: 'sentiment', split: 'test' as const, limit }]
  const adapter = (index: number, coefficient = 1): Subject => ({ kind: 'adapter', adapterId: ids[index]!, coefficient })
  const all = (): Subject[] => [{ kind: 'base' }, adapter(0), adapter(1), adapter(2)]
  const settings = { maxNewTokens: 6 }
  const run = (subjects: Subject[]) => evaluate(opened.services, inputOf({ baseId, subjects, tasks: tasks(), ...settings }))
  const raw = ({ runs }: Evaluated) => runs.map((one) => rawOutcomes(opened.services, one))
  const forget = ({ result }: Evaluated) => opened.services.library.runs.remove(result.runs)
  const likelihoods = ({ runs }: Evaluated) =>
    runs.map(({ id }) =>
      opened.services.library.runs
        .outcomes({ runId: id, other: null, filter: 'all', text: '', offset: 0, limit: 1000 })
        .rows.map(({ here }) => here.logLikelihood!),
    )

  test('many subjects in one job answer as each alone, bit for bit; all differ', async () => {
    const together = await run(all())
    expect(together.job).toMatchObject({ state: 'done', problems: [] })
    const expected = raw(together)
    expect(new Set(likelihoods(together).map(String)).size).toBe(4)
    forget(together)
    const alone: unknown[] = []
    for (const subject of all()) alone.push(...raw(await run([subject])))
    expect(alone).toEqual(expected)
  })

  test('a resumed evaluation equals an uninterrupted one, bit for bit', async () => {
    const whole = await run(all())
    const expected = raw(whole)
    forget(whole)
    const { library, evaluation } = opened.services
    const core = createEngine({ threads: 2 })
    let cancel = (): void => undefined
    const runner = createEvaluateRunner({
      ...evaluation,
      engine: {
        ...core,
        // Small passes, so that there is something to stop between.
        evaluate: (request, { onProgress, ...more } = {}) =>
          core.evaluate(
            { ...request, batchTokens: 64 },
            {
              ...more,
              onProgress(progress) {
                onProgress?.(progress)
                if (progress.stage === 'evaluating' && progress.fraction > 0.3) cancel()
              },
            },
          ),
      },
    })
    const queue = createQueue({
      store: library.jobs,
      runners: { evaluate: runner } as unknown as Runners,
      emit: { changed: () => undefined, removed: () => undefined },
      logFolder: opened.folder,
      log: silentLog,
      provenance: () => ({}),
    })
    const { jobId } = queue.start('evaluate', inputOf({ baseId, subjects: all(), tasks: tasks(), ...settings }))
    cancel = () => void queue.cancel(jobId!)
    expect(await queue.whenEnded(jobId!)).toMatchObject({ state: 'cancelled' })
    await queue.close()
    const done = library.runs.list().reduce((sum, one) => sum + one.done, 0)
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(160)
    const resumed = await run(all())
    expect(resumed.result.examples).toBe(160 - done)
    expect(raw(resumed)).toEqual(expected)
  })

  test('coefficients of 0 are the base model bit for bit; a recipe is what its merge is, to rounding', async () => {
    const [base, zero] = raw(await run([{ kind: 'base' }, adapter(0, 0)]))
    expect(zero).toEqual(base)
    const adapters = [
      { adapter: ids[0]!, coefficient: 0.6 },
      { adapter: ids[2]!, coefficient: -0.3 },
    ]
    const { queue } = opened.services
    const { jobId } = queue.start('merge', { recipe: { method: 'concat', adapters, output: { name: 'merged' } } })
    const { resultAdapterId } = await queue.whenEnded(jobId!)
    const recipes: Subject[] = [
      { kind: 'recipe', name: 'terms', recipe: { method: 'concat', adapters } },
      { kind: 'recipe', name: 'merged first', recipe: { method: 'linear', adapters, output: { rank: 24 } } },
      { kind: 'recipe', name: 'cut', recipe: { method: 'linear', adapters, output: { rank: 4 } } },
    ]
    const found = await run([...recipes, { kind: 'adapter', adapterId: resultAdapterId!, coefficient: 1 }])
    expect(found.job).toMatchObject({ state: 'done' })
    const [terms, , cut, merged] = likelihoods(found)
    for (const [place, value] of terms!.entries())
      expect(Math.abs(merged![place]! - value)).toBeLessThan(1e-3 * Math.max(1, Math.abs(value)))
    expect(Math.max(...cut!.map((value, place) => Math.abs(value - merged![place]!)))).toBeGreaterThan(1e-2)
  })

  test('one prompt is answered by the base model and by an adapter, and refused while a job computes', async () => {
    const { prompter, evaluation } = opened.services
    const ask = { baseId, system: 'is the review positive or negative', user: 'my book is nasty again', maxNewTokens: 6 }
    const { generation, problems } = await prompter.answer({ ...ask, subject: adapter(0) })
    expect(problems).toEqual([])
    expect(generation).toMatchObject({ text: 'negative', ended: true, newTokens: expect.any(Number) })
    expect(generation!.prompt).toContain('my book is nasty again')
    const alone = await prompter.answer({ ...ask, subject: { kind: 'base' } })
    expect(alone.generation!.text).not.toBe('negative')
    const long = await prompter.answer({ ...ask, user: 'meal '.repeat(300), subject: { kind: 'base' } })
    expect(long).toMatchObject({ generation: null, problems: [{ code: 'prompt-too-long' }] })
    const busy = createPrompter({ ...evaluation, computing: () => 'Score 19 adapters', cacheFolder: opened.folder })
    expect(await busy.answer({ ...ask, subject: adapter(0) })).toMatchObject({ generation: null, problems: [{ code: 'engine-busy' }] })
  })
})
