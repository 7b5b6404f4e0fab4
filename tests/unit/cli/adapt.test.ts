import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { AdaptationDetail } from '../../../src-main/contract/adapt.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library')]
const task = ['--base', join(demoKit, 'base-model'), '--task', join(demoKit, 'tasks', 'sentiment.task.json')]
const pool = ['--pool', join(demoAdapters, 'sentiment-r16'), '--pool', join(demoAdapters, 'topic-r16')]
const own = ['--own', join(demoAdapters, 'sentiment-r8-rslora')]
const short = ['--budget', '30', '--set', 'steps=6', '--set', 'batch=4']

/** What CONTRACT.md promises of these commands. */
interface Answer {
  readonly jobId: string
  readonly adapterId: string | null
  readonly path: string | null
  readonly chosenStep: number | null
  readonly startLoss: number | null
  readonly chosenLoss: number | null
  readonly measured: NonNullable<AdaptationDetail['form']>['measured']
  readonly stopped: string | null
  readonly cost: AdaptationDetail['cost']
  readonly check: AdaptationDetail['check']
  readonly problems: readonly Problem[]
}

async function answered(words: readonly string[]): Promise<Answer> {
  const done = await runCli([...words, '--json', ...inLibrary])
  if (done.code !== 0) throw new Error(done.out + done.err)
  return done.json<Answer>()
}

test('wrong usage says what is missing or wrong', async () => {
  for (const [words, said] of [
    [['tune', ...task.slice(0, 2)], '--task is needed'],
    [['train', ...task.slice(2)], '--base is needed'],
    [['control', ...task], '--kind is needed'],
    [['control', '--kind', 'nothing', ...task], '--kind is "nothing"'],
    [['tune', ...task, '--preset', 'lori_s'], '--preset is "lori_s"'],
    [['tune', ...task, '--rank', 'large'], '--rank is "large"'],
    [['train', ...task, '--seed', '-1'], '--seed is "-1"'],
    [['train', ...task, '--set', 'rank'], '--set is "rank"'],
    [['tune', ...task, '--budget', '50'], '--budget is "50"'],
  ] as const) {
    const { code, out, err } = await runCli([...words, ...inLibrary])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
  }
})

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  test('tune makes an adapter from a pool that is given by path, cut to a rank, and says what was measured', async () => {
    const answer = await answered(['tune', ...task, ...pool, ...own, ...short, '--set', 'selection=manual', '--rank', '8', '--name', 'mine', '--seed', '3']) // prettier-ignore
    expect(answer).toMatchObject({ stopped: 'done', problems: [] })
    expect(answer.measured.map(({ what, split, n }) => [what, split, n])).toEqual([
      ['base', 'validation', 6],
      ['own', 'validation', 6],
      ['exact', 'validation', 6],
      ['result', 'validation', 6],
    ])
    expect(answer.chosenLoss!).toBeLessThanOrEqual(answer.startLoss!)
    expect(answer.cost).toMatchObject({ examples: 30, scoredAdapters: 0 })
    expect(existsSync(join(answer.path!, 'adapter_model.safetensors'))).toBe(true)
    expect(JSON.parse(readFileSync(join(answer.path!, 'adapter_config.json'), 'utf8'))).toMatchObject({ r: 8, lora_alpha: 8 })
    const shown = (await runCli(['show', answer.adapterId!, '--json', ...inLibrary])).json<{
      lineage: { adaptation: { pool: readonly unknown[] } }
    }>()
    expect(shown.lineage.adaptation).toMatchObject({ arm: 'tune', budget: 30, seed: 3, params: { outputRank: 8, steps: 6 } })
    expect(shown.lineage.adaptation.pool).toHaveLength(2)
  })

  test('train makes a fresh LoRA, and goes on from one', async () => {
    const first = await answered(['train', ...task, ...short, '--set', 'rank=4', '--set', 'alpha=8', '--preset', 'lora_plus'])
    expect(first).toMatchObject({ stopped: 'done', problems: [], check: null })
    expect(JSON.parse(readFileSync(join(first.path!, 'adapter_config.json'), 'utf8'))).toMatchObject({
      r: 4,
      lora_alpha: 8,
      use_rslora: false,
    })
    const next = await answered(['train', ...task, ...short, '--from', first.adapterId!, '--set', 'choose=last'])
    expect(next.startLoss).toBeCloseTo(first.chosenLoss!, 3)
  })

  test('control compares answer by answer, and a human reads it as lines', async () => {
    const answer = await answered(['control', '--kind', 'own_alone', ...task, ...own, '--budget', '30'])
    expect(answer).toMatchObject({ adapterId: null, check: { equal: 6, n: 6 }, problems: [] })
    const lines = await runCli(['control', '--kind', 'own_alone', ...task, ...own, '--budget', '30', ...inLibrary])
    expect(lines.out).toContain('6 of 6 answers equal those of sentiment-r8-rslora')
  })

  test('what cannot run is refused with code 1: unknown parameters, a test split among them, and a missing own LoRA', async () => {
    const words = [...task, ...pool, ...short, '--json', ...inLibrary]
    const split = await runCli(['tune', ...words, '--set', 'split=test'])
    expect([split.code, split.json<Answer>().problems.map(({ code }) => code)]).toEqual([1, ['unknown-parameter']])
    const alone = await runCli(['control', '--kind', 'retuned_own', ...words])
    expect([alone.code, alone.json<Answer>().problems.map(({ code }) => code)]).toEqual([1, ['own-missing']])
  })
})
