import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { stringify } from 'yaml'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { CellResult } from '../../../src-main/contract/plan-run.ts'
import type { PlanFileInput } from '../../../src-main/contract/plan.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { startSlurm, whyNoSlurm, type Slurm } from '../../helpers/slurm.ts'
import { runCli, type CliRun } from '../cli/run-cli.ts'
import { addDemo } from '../jobs/adapt-demo.ts'
import { evaluate, inputOf } from '../jobs/evaluate-bench.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

const reason = loadBinding().binding === null ? 'the native core is not built' : whyNoSlurm()
if (reason !== null) console.log(`skipped: jobs through a real Slurm: ${reason}`)

const learning = { batch: 4, validateEvery: 10 }
const plan: PlanFileInput = {
  ...{ version: 1, title: 'Three jobs', base: 'base-model', pool: ['topic-r4-attention'], tasks: ['sentiment'] },
  ...{ budgets: [30], seeds: [1], testLimit: 30 },
  arms: [
    { kind: 'base', id: 'base', role: 'base' },
    { kind: 'train', id: 'own', role: 'own', preset: 'small_model_lora', params: { ...learning, rank: 4, alpha: 8, steps: 200 } },
    {
      ...{ kind: 'tune', id: 'tuned_own', role: 'mergedWithOwn', preset: 'recycling_2026', withOwn: true },
      params: { ...learning, selection: 'manual', k: 2, steps: 10, ownFirst: true },
    },
  ],
}
const [own, base, tunedOwn] = ['sentiment/30/1/own', 'sentiment/-/-/base', 'sentiment/30/1/tuned_own'] as const

describe.skipIf(reason !== null)('a plan through a real Slurm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-cluster-'))
  const shared = join(folder, 'shared')
  let slurm: Slurm
  let opened: OpenedServices

  beforeAll(async () => {
    slurm = await startSlurm()
    opened = openTestServices()
    await addDemo(opened.services)
  })
  afterAll(async () => {
    await slurm?.close()
    await opened?.close()
  })

  const cli = (...words: readonly string[]): Promise<CliRun> =>
    runCli(['plan', ...words, '--dir', shared, '--library', join(opened.folder, 'library'), '--json'], { env: slurm.environment })
  const resultOf = (number: number): CellResult => JSON.parse(readFileSync(join(shared, 'results', `${number}.json`), 'utf8')) as CellResult
  const submitted = (said: CliRun): readonly (readonly [number, readonly string[], boolean])[] =>
    said
      .json<{ submitted: readonly { stage: number; cells: readonly string[]; jobId: string | null }[] }>()
      .submitted.map(({ stage, cells, jobId }) => [stage, cells, /^\d+$/.test(jobId ?? '')])

  /** Kills the process that runs job 1 as soon as it has a checkpoint, as a node that dies would. */
  async function killOwn(): Promise<void> {
    const lock = join(shared, 'locks', '1.lock.1')
    const checkpoint = join(shared, 'work', '1', 'adaptations', '*', 'checkpoint', '*')
    for (const end = Date.now() + 90_000; Date.now() < end; await setTimeout(50)) {
      if (globSync(checkpoint).length === 0) continue
      process.kill(Number((JSON.parse(readFileSync(lock, 'utf8')) as { process: string }).process.split('@')[0]), 'SIGKILL')
      return
    }
    const logs = readdirSync(join(shared, 'logs')).map((name) => readFileSync(join(shared, 'logs', name), 'utf8'))
    throw new Error(`the job made no checkpoint:\n${logs.join('\n')}`)
  }

  /** The lines of the journal that job 1 has left. */
  function learned(): readonly { readonly step: number; readonly seconds: number }[] {
    const [journal] = globSync(join(shared, 'work', '1', 'adaptations', '*', 'journal.jsonl'))
    const lines = readFileSync(journal!, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as CellResult['curve'][number]).map(({ step, seconds }) => ({ step, seconds }))
  }

  test('a killed job is submitted again and goes on, one that needs it waits for it, and the results are those of this library', async () => {
    const file = join(folder, 'plan.yaml')
    writeFileSync(file, stringify(plan))
    expect((await cli('split', file)).code).toBe(0)
    const first = await cli('submit', '--slurm', '--partition', 'main', '--cpus', '1')
    expect([first.code, first.err]).toEqual([0, ''])
    expect(submitted(first)).toEqual([
      [0, [own, base], true],
      [1, [tunedOwn], true],
    ])
    await killOwn()
    await slurm.idle(120_000)
    // The second array ran although a job of the first had failed, and said what it misses.
    expect(existsSync(join(shared, 'results', '1.json'))).toBe(false)
    expect(globSync(join(shared, 'logs', '*_3.txt')).map((log) => readFileSync(log, 'utf8')).join()).toContain('job-needs-other') // prettier-ignore
    const early = await cli('collect')
    expect(early.json()).toMatchObject({ state: 'imported', total: 3, done: 1, missing: [own, tunedOwn], failed: [] })

    const killed = learned()
    expect(killed.length).toBeGreaterThan(10)
    const again = await cli('submit', '--slurm', '--partition', 'main', '--cpus', '1')
    expect(submitted(again)).toEqual([
      [0, [own], true],
      [1, [tunedOwn], true],
    ])
    await slurm.idle(120_000)
    const collected = await cli('collect')
    expect(collected.json()).toMatchObject({ state: 'done', total: 3, done: 3, missing: [], failed: [], problems: [] })

    const { planId } = collected.json<{ planId: string }>()
    const cells = opened.services.library.plans.cells(planId)
    expect(cells.map(({ id, state, n }) => [id, state, n])).toEqual([[own, 'done', 30], [base, 'done', 30], [tunedOwn, 'done', 30]]) // prettier-ignore
    // It went on from its checkpoint: what was learned before has the times that it had then.
    const { curve } = resultOf(1)
    expect(curve.slice(0, 11).map(({ step, seconds }) => ({ step, seconds }))).toEqual(killed.slice(0, 11))
    expect(curve.at(-1)!.step).toBe(200)
    const alone = await measuredHere()
    expect(resultOf(2).values).toEqual(alone.base)
    expect(resultOf(1).values).toEqual(alone.own)
    expect(cells[0]!.value).toBeCloseTo(alone.own.reduce((sum, value) => sum + value, 0) / 30, 12)
    // Learned what the base model did not know, and the merge began with it.
    expect(cells[0]!.value!).toBeGreaterThan(cells[1]!.value!)
    const { selection, coefficients, cost } = resultOf(3)
    expect(selection.map(({ name, place }) => [name, place])).toEqual([[expect.stringContaining(own), 0], ['topic-r4-attention', 1]]) // prettier-ignore
    expect(selection[0]!.adapterId).toBe(resultOf(1).adapter!.contentHash)
    expect(coefficients!.adapters).toHaveLength(2)
    expect(cost.own).toEqual({ tokens: resultOf(1).cost.learning.tokens, seconds: resultOf(1).cost.learning.seconds })
    expect(existsSync(join(shared, 'results', '3'))).toBe(false)
    const nothing = await cli('submit', '--slurm')
    expect(nothing.json()).toMatchObject({ submitted: [], done: 3, running: [] })
  })

  /** The base model, and it with the adapter that the cluster trained, evaluated in this library on the same examples. */
  async function measuredHere(): Promise<{ readonly base: readonly number[]; readonly own: readonly number[] }> {
    const { services } = opened
    await services.importer.finished(services.importer.start([join(shared, 'results', '1', 'adapter')]).id!)
    const found = services.library.adapters.find(join(shared, 'results', '1', 'adapter'))
    if ('code' in found) throw new Error(found.message)
    const baseId = services.library.bases.list()[0]!.id
    const { runs } = await evaluate(
      services,
      inputOf({
        baseId,
        subjects: [{ kind: 'base' }, { kind: 'adapter', adapterId: found.id, coefficient: 1 }],
        tasks: [{ taskId: 'sentiment', split: 'test', limit: 30 }],
      }),
    )
    const valuesOf = (id: string): readonly number[] =>
      services.library.runs
        .outcomes({ runId: id, other: null, filter: 'all', text: '', offset: 0, limit: 30 })
        .rows.map(({ here }) => here.value!)
    return { base: valuesOf(runs[0]!.id), own: valuesOf(runs[1]!.id) }
  }

  test('what Slurm does not take is said in its words', async () => {
    const other = join(folder, 'other')
    expect(
      (await runCli(['plan', 'split', join(folder, 'plan.yaml'), '--dir', other, '--library', join(opened.folder, 'library')])).code,
    ).toBe(0)
    const said = await runCli(['plan', 'submit', '--dir', other, '--slurm', '--partition', 'none'], { env: slurm.environment })
    expect(said.code).toBe(1)
    expect(said.err).toContain('scheduler-refused')
    expect(said.err).toContain('invalid partition')
    const without = await runCli(['plan', 'submit', '--dir', other, '--slurm'], { env: { PATH: folder } })
    expect(without.err).toContain('There is no sbatch on this machine')
    expect(readFileSync(join(other, 'submit-0.sh'), 'utf8')).toContain('#SBATCH --array=1-2\n')
  })
})
