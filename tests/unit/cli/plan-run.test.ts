import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { describe, expect, test, vi } from 'vitest'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 240_000 })

interface RunJson {
  readonly planId: string
  readonly state: string
  readonly headline: string | null
  readonly cells: readonly {
    readonly id: string
    readonly state: string
    readonly value: number | null
    readonly n: number
    readonly jobId: string | null
  }[]
  readonly problems: readonly { readonly code: string }[]
}

describe.skipIf(loadBinding().binding === null)('amalgam plan run', () => {
  test('runs a plan whose base model, task and pool are paths, fails for a failed part, and goes on with it', async () => {
    const folder = scratch()
    const library = ['--library', join(folder, 'library')]
    const path = join(folder, 'plan.yaml')
    const steps = { steps: 2, batch: 2 }
    const plan = {
      ...{ version: 1, title: 'Tiny', base: join(demoKit, 'base-model'), tasks: [join(demoKit, 'tasks', 'sentiment_stars.task.json')] },
      pool: ['sentiment-r16', 'rude-r16'].map((name) => join(demoAdapters, name)),
      ...{ budgets: [10], testLimit: 30 },
      arms: [
        { kind: 'base', id: 'base', role: 'base' },
        { kind: 'train', id: 'own', role: 'own', params: { ...steps, rank: 2 } },
        { kind: 'tune', id: 'tuned', role: 'merged', params: { ...steps, k: 2, skip: 5 } },
      ],
    }
    writeFileSync(path, stringify(plan))
    const run = await runCli(['plan', 'run', path, '--json', ...library])
    const { planId, state, cells } = run.json<RunJson>()
    expect([run.code, state]).toEqual([3, 'partial'])
    expect(cells.map(({ id, state: of, n }) => [id, of, n])).toEqual([
      ['sentiment_stars/10/1/own', 'done', 30],
      ['sentiment_stars/-/-/base', 'done', 30],
      ['sentiment_stars/10/1/tuned', 'failed', 0],
    ])
    const status = await runCli(['plan', 'status', '--json', ...library])
    expect(status.json<readonly object[]>()).toMatchObject([{ id: planId, title: 'Tiny', state: 'partial', done: 2, failed: 1, total: 3, baseName: 'base-model' }]) // prettier-ignore

    const again = await runCli(['plan', 'run', planId, '--cells', 'sentiment_stars/-/-/base', '--again', ...library])
    expect(again.out).toContain('sentiment_stars/10/1/tuned failed: ')
    expect(again.out).toMatch(/^own +\d+\.\d % \(\d+\.\d % to \d+\.\d %\)$/m)
    const one = await runCli(['plan', 'status', planId, '--json', ...library])
    const detail = one.json<{ file: { base: string; pool: string[]; tasks: string[] }; cells: RunJson['cells'] }>()
    expect(detail.file).toMatchObject({ base: 'base-model', pool: ['sentiment-r16', 'rude-r16'], tasks: ['sentiment_stars'] })
    expect(detail.cells.map(({ jobId, value }) => [jobId, value])).toEqual(cells.map(({ jobId, value }) => [jobId, value]))
  })

  test('what is not there is refused, a missing word is a usage error', async () => {
    const library = ['--library', join(scratch(), 'library')]
    const unknown = await runCli(['plan', 'run', 'nothing', '--json', ...library])
    expect([unknown.code, unknown.json<RunJson>().problems.map(({ code }) => code)]).toEqual([1, ['plan-unknown']])
    expect((await runCli(['plan', 'status', 'nothing', ...library])).code).toBe(1)
    expect((await runCli(['plan', 'status', ...library])).out).toBe('No plans.\n')
    expect((await runCli(['plan', 'run', ...library])).code).toBe(2)
  })
})
