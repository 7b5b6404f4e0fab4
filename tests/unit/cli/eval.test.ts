import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { Problem } from '../../../src-main/contract/problems.ts'
import type { Outcome, Run } from '../../../src-main/contract/run.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library')]
const base = join(demoKit, 'base-model')
const sentiment = join(demoKit, 'tasks', 'sentiment.task.json')

interface Answer {
  readonly runs: readonly (Run & { readonly task: string; readonly outcomes?: readonly Outcome[] })[]
  readonly problems: readonly Problem[]
}

test('wrong usage says what is missing or wrong', async () => {
  for (const [words, said] of [
    [['eval', '--task', sentiment], '--base is needed'],
    [['score-pool', '--base', base], '--task is needed'],
    [['generate', 'hello'], '--base is needed'],
    [['eval', '--base', base, '--task', sentiment, '--limit', 'none'], '--limit is "none"'],
    [['eval', '--base', base, '--task', sentiment, '--split', 'all'], '--split is "all"'],
  ] as const) {
    const { code, out, err } = await runCli([...words, ...inLibrary])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
  }
})

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  beforeAll(async () => {
    const pool = ['sentiment-r16', 'topic-r16', 'rude-r16'].map((name) => join(demoAdapters, name))
    expect((await runCli(['import', ...pool, ...inLibrary])).code).toBe(0)
    expect((await runCli(['eval', '--base', base, '--task', sentiment, '--limit', '1', ...inLibrary])).code).toBe(0)
  })

  test('eval adds base model and task by path, prints a table, and as JSON the runs with outcomes', async () => {
    const words = ['eval', '--base', base, '--task', sentiment, '--limit', '20', '--max-new-tokens', '6', ...inLibrary]
    const shown = await runCli(words)
    expect(shown.code).toBe(0)
    expect(shown.out).toMatch(/Base model +sentiment +test +20 +exact_match +\d+\.\d %/)
    const { runs } = (await runCli([...words, '--json', '--outcomes'])).json<Answer>()
    expect(runs).toMatchObject([{ subject: { key: 'base' }, task: 'sentiment', split: 'test', n: 20, done: 20, metric: 'exact_match' }])
    const [run] = runs
    expect(run!.outcomes).toHaveLength(20)
    expect(run!.outcomes!.filter(({ correct }) => correct)).toHaveLength(Math.round(run!.value! * 20))
    expect(run!.low).toBeLessThanOrEqual(run!.value!)
    expect(run!.high).toBeGreaterThan(run!.value!)
  })

  test('eval takes several adapters, tasks and splits, and a recipe; what is known keeps its id', async () => {
    const recipe = join(folder, 'mix.yaml')
    writeFileSync(
      recipe,
      `method: concat\nadapters:\n  - {adapter: sentiment-r16, coefficient: 0.5}\n  - {adapter: rude-r16, coefficient: 0.5}\n`,
    )
    const words = [
      'eval',
      '--base',
      'base-model',
      '--adapter',
      'sentiment-r16',
      '--adapter',
      join(demoAdapters, 'topic-r16'),
      '--recipe',
      recipe,
    ]
    const more = ['--task', 'sentiment', '--split', 'test', '--split', 'validation', '--limit', '5', '--json', ...inLibrary]
    const first = await runCli([...words, ...more])
    expect(first.code).toBe(0)
    const { runs } = first.json<Answer>()
    expect(runs.map(({ subject, split }) => `${subject.label} ${split}`)).toEqual([
      ...['sentiment-r16 test', 'sentiment-r16 validation', 'topic-r16 test', 'topic-r16 validation'],
      ...['mix test', 'mix validation'],
    ])
    expect((await runCli([...words, ...more])).json<Answer>()).toEqual(first.json())
  })

  test('eval refuses an adapter of other shapes, an unknown base model and a task that is not there', async () => {
    const tiny = makeAdapter(join(folder, 'tiny'))
    const unfit = await runCli(['eval', '--base', base, '--adapter', tiny, '--task', 'sentiment', '--json', ...inLibrary])
    expect(unfit.code).toBe(1)
    expect(unfit.json<Answer>()).toMatchObject({ runs: [], problems: [{ code: 'adapter-other-base', severity: 'error' }] })
    expect(unfit.json<Answer>().problems[0]!.message).toMatch(/16 x 16.*192 x 192/)
    const nobody = await runCli(['eval', '--base', 'nobody', '--task', 'sentiment', '--json', ...inLibrary])
    expect({ code: nobody.code, problems: nobody.json<Answer>().problems }).toMatchObject({ code: 1, problems: [{ code: 'base-unknown' }] })
    const nothing = await runCli(['eval', '--base', base, '--task', 'nothing', '--json', ...inLibrary])
    expect({ code: nothing.code, problems: nothing.json<Answer>().problems }).toMatchObject({
      code: 1,
      problems: [{ code: 'task-unknown' }],
    })
  })

  test('score-pool scores every adapter that fits against the base model, best first', async () => {
    const words = ['score-pool', '--base', base, '--task', 'sentiment', '--max-new-tokens', '6', '--budget', '10', ...inLibrary]
    const { code, out } = await runCli(words)
    expect(code).toBe(0)
    expect(out).toMatch(/^ +SUBJECT +sentiment \(train\)/)
    expect(out).toMatch(/\n *1 +sentiment-r16 +100\.0 % +\+\d+\.\d points/)
    const { leaderboard, runs } = (await runCli([...words, '--json'])).json<{
      leaderboard: { subject: Run['subject']; gain: number }[]
      runs: Run[]
    }>()
    expect(runs.every(({ n }) => n === 10)).toBe(true)
    expect(leaderboard.map(({ subject }) => subject.label).toSorted()).toEqual(['Base model', 'rude-r16', 'sentiment-r16', 'topic-r16'])
    expect(leaderboard.find(({ subject }) => subject.kind === 'base')!.gain).toBe(0)
  })

  test('generate answers one prompt', async () => {
    const words = ['generate', 'my book is nasty again', '--base', base, '--system', 'is the review positive or negative', ...inLibrary]
    const { code, out } = await runCli([...words, '--adapter', 'sentiment-r16'])
    expect({ code, out }).toEqual({ code: 0, out: 'negative\n' })
    expect((await runCli([...words, '--json'])).json()).toMatchObject({
      ended: expect.any(Boolean),
      promptTokens: expect.any(Number),
      problems: [],
    })
  })

  test('an evaluation that is killed goes on where it was, and ends as one that was not', async () => {
    const words = ['eval', '--base', base, '--task', join(demoKit, 'tasks'), '--max-new-tokens', '6', '--limit', '100', '--json']
    const whole = join(folder, 'whole')
    const expected = await runCli([...words, '--library', whole])
    const killed = join(folder, 'killed')
    mkdirSync(killed)
    const main = fileURLToPath(new URL('../../../src-main/cli.ts', import.meta.url))
    const child = spawn(process.execPath, [main, ...words, '--library', killed])
    const journals = () => (existsSync(join(killed, 'evaluations')) ? readdirSync(join(killed, 'evaluations')) : [])
    const size = (name: string) => statSync(join(killed, 'evaluations', name, 'journal.jsonl'), { throwIfNoEntry: false })?.size ?? 0
    while (!journals().some((name) => size(name) > 10_000)) {
      expect(child.exitCode).toBeNull()
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
    const resumed = await runCli([...words, '--library', killed])
    expect(resumed.code).toBe(0)
    const values = ({ runs }: Answer) => runs.map(({ task, n, done, value, low, high }) => ({ task, n, done, value, low, high }))
    expect(values(resumed.json<Answer>())).toEqual(values(expected.json<Answer>()))
    expect(values(resumed.json<Answer>()).length).toBeGreaterThan(20)
    const jobs = (await runCli(['jobs', '--library', killed, '--json'])).json<{ state: string }[]>()
    expect(jobs.map(({ state }) => state)).toEqual(['interrupted', 'done'])
    expect(journals()).toEqual([])
  })
})
