import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { Trial } from '../../../src-main/contract/adapt.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import type { MergeResult } from '../../../src-main/contract/recipe.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library')]
const place = ['--base', join(demoKit, 'base-model'), '--task', join(demoKit, 'tasks', 'sentiment_recommend.task.json'), '--budget', '10']
const pool = ['sentiment-r16', 'topic-r16'].flatMap((name) => ['--pool', join(demoAdapters, name)])

test('wrong usage says what is missing or wrong', async () => {
  for (const [words, said] of [
    [place.slice(0, 2), '--task is needed'],
    [[...place, '--search', 'density'], '--search is "density". Write PARAM=LOW:HIGH or PARAM=A,B,C.'],
    [[...place, '--trials', 'many'], '--trials is "many"'],
    [[...place, '--trial', '3'], '--trial goes with --promote.'],
    [['--promote', 'job'], '--promote needs --trial NUMBER.'],
    [[...place, '--method', 'tise'], '--method is "tise"'],
  ] as const) {
    const { code, out, err } = await runCli(['search', ...words, ...inLibrary])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
  }
})

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  interface Answer {
    readonly jobId: string
    readonly adapterId: string
    readonly chosenTrial: number
    readonly trials: readonly Trial[]
    readonly problems: readonly Problem[]
  }
  const words = ['--method', 'ties', '--search', 'density=0.2:0.8', '--search', 'variant=paper,count', '--only-params']
  const settings = ['--set', 'selection=manual', '--set', 'optimiser=grid', '--trials', '5', '--seed', '7']
  let answer: Answer
  beforeAll(async () => {
    const done = await runCli(['search', ...place, ...pool, ...words, ...settings, '--json', ...inLibrary])
    if (done.code !== 0) throw new Error(done.out + done.err)
    answer = done.json<Answer>()
  })

  test('a search over parameters tries what it was told, and makes an adapter of the best trial', () => {
    expect(answer.trials.map(({ values }) => [values['density'], values['variant']])).toEqual([
      [0.2, 'paper'],
      [0.2, 'paper'],
      [expect.closeTo(0.8, 12), 'paper'],
      [0.2, 'count'],
      [expect.closeTo(0.8, 12), 'count'],
    ])
    const objectives = answer.trials.map(({ objective }) => objective!)
    // Nothing is held out of ten examples: the best objective is kept.
    expect(answer.chosenTrial).toBe(objectives.indexOf(Math.min(...objectives)))
    expect(answer.problems.map(({ code }) => code)).toContain('no-validation')
  })

  test('the adapter is in the library', async () => {
    const shown = await runCli(['show', answer.adapterId, '--json', ...inLibrary])
    expect(shown.json()).toMatchObject({ status: 'ok', lineage: { kind: 'tuned', method: 'ties', adaptation: { arm: 'search', seed: 7 } } })
  })

  test('a trial of it becomes an adapter', async () => {
    const done = await runCli(['search', '--promote', answer.jobId, '--trial', '4', '--json', ...inLibrary])
    expect(done.code).toBe(0)
    const shown = await runCli(['show', done.json<MergeResult>().id, '--json', ...inLibrary])
    expect(shown.json<{ readonly lineage: { readonly recipe: string } }>().lineage.recipe).toContain('variant: count')
    const refused = await runCli(['search', '--promote', answer.jobId, '--trial', '9', '--json', ...inLibrary])
    expect(refused.code).toBe(1)
    expect(refused.json<Answer>().problems).toMatchObject([{ code: 'parameter-invalid', allowed: ['a whole number from 0 to 4'] }])
  })

  test('what cannot be searched is refused before anything runs', async () => {
    const done = await runCli(['search', ...place, ...pool, '--search', 'denisty=0:1', '--method', 'ties', '--json', ...inLibrary])
    expect(done.code).toBe(1)
    expect(done.json<Answer>().problems).toContainEqual(
      expect.objectContaining({ code: 'unknown-parameter', allowed: ['density', 'variant'] }),
    )
  })
})
