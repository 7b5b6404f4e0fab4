import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as v from 'valibot'
import { collectResults } from '../../../src-main/cluster/collect-results.ts'
import { readJob, sharedFolder, writeShared } from '../../../src-main/cluster/shared-folder.ts'
import { runJob, type JobTools } from '../../../src-main/cluster/run-job.ts'
import { splitPlan } from '../../../src-main/cluster/split-plan.ts'
import type { CellResult } from '../../../src-main/contract/plan-run.ts'
import { planFileSchema, type PlanFileInput } from '../../../src-main/contract/plan.ts'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { resolvePlan } from '../../../src-main/plans/resolve-plan.ts'
import type { CellToRun } from '../../../src-main/plans/plan-services.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { addDemo, poolNames } from '../jobs/adapt-demo.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const file: PlanFileInput = {
  ...{
    version: 1,
    title: 'Shared',
    base: 'base-model',
    pool: [...poolNames],
    tasks: ['sentiment'],
    budgets: [30],
    seeds: [1],
    testLimit: 4,
  },
  arms: [
    { kind: 'base', id: 'base', role: 'base' },
    { kind: 'train', id: 'own', role: 'own' },
    { kind: 'tune', id: 'mine', role: 'mergedWithOwn', params: { selection: 'manual', k: 2, ownFirst: true }, withOwn: true },
  ],
}
const [own, base, mine] = ['sentiment/30/1/own', 'sentiment/-/-/base', 'sentiment/30/1/mine'] as const
const scratch = (): string => mkdtempSync(join(tmpdir(), 'amalgam-shared-'))

/** Every file below a folder with its contents. */
function contents(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(names.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'base64')]))
}

async function codesOf(work: Promise<unknown>): Promise<readonly string[]> {
  const refusal = await work.then(() => null, (error: unknown) => error) // prettier-ignore
  if (!(refusal instanceof Refusal)) throw new Error(`not refused: ${String(refusal)}`)
  return refusal.problems.map(({ code }) => code)
}

describe.skipIf(loadBinding().binding === null)('a plan in a shared folder', () => {
  let opened: OpenedServices
  beforeAll(async () => {
    opened = openTestServices()
    await addDemo(opened.services)
  })
  afterAll(() => opened.close())

  async function split(folder: string, given: Partial<PlanFileInput> = {}, copied = false) {
    const { planServices } = opened.services
    const { resolved, problems } = await resolvePlan(v.parse(planFileSchema, { ...file, ...given }), planServices)
    if (!resolved) throw new Refusal(problems)
    return splitPlan(resolved, folder, { copyAdapters: copied, copyBase: copied }, planServices)
  }

  /** What a cell gave, without computing anything: its adapter is the first of the pool. */
  function resultFor({ plan, cell, ownId }: CellToRun, job: { readonly fingerprint: string }): CellResult {
    const spent = { tokens: 100, seconds: 2 }
    return {
      ...{ version: 1, cell: cell.id, fingerprint: job.fingerprint, appVersion: '9.8.7', finishedAt: '2026-01-02T03:04:05.000Z' },
      ...{ metric: 'exact_match', exampleIds: ['a', 'b', 'c', 'd'], values: [1, 0, 1, 1], predictions: ['x', 'y', null, 'z'] },
      adapter: null,
      cost: {
        selection: { ...spent, adapters: 3 },
        own: { tokens: 0, seconds: 0 },
        learning: spent,
        test: spent,
        spent,
        device: 'CPU',
        examples: 30,
      },
      selection:
        ownId === null
          ? []
          : [ownId, ...plan.pool].map((adapterId, place) => ({ adapterId, name: adapterId, value: null, place, reason: null })),
      ...{ coefficients: null, curve: [], chosenStep: null, noValidation: false, provenance: { device: 'CPU' }, problems: [] },
    }
  }

  /** Runs a job with a library of its own, as run-job does, but for the computing. */
  async function run(folder: string, number: number, given: Partial<JobTools> = {}) {
    const path = sharedFolder(folder).job(number)
    const job = await readJob(path)
    const tools: JobTools = {
      signal: new AbortController().signal,
      report: () => undefined,
      async withLibrary(library, work) {
        const { services, close } = openTestServices(library)
        return work({ plans: services.planServices, importer: services.importer, bases: services.bases }).finally(close)
      },
      runCell(toRun, { library }) {
        const adapter = job.arm.role === 'own' ? library.adapters.get(toRun.plan.pool[0]!)! : null
        const { name, contentHash, tensorHash, paths } = adapter ?? { name: '', contentHash: null, tensorHash: null, paths: [] }
        const made = adapter && { name, contentHash: contentHash!, tensorHash: tensorHash!, path: paths[0]! }
        return Promise.resolve({ ...resultFor(toRun, job), adapter: made })
      },
      ...given,
    }
    return runJob(path, { work: join(folder, '..', 'scratch'), keepAdapter: false }, tools)
  }

  test('splitting again changes nothing, a lost file comes back, and another plan is refused', async () => {
    const folder = scratch()
    const first = await split(folder)
    expect([first.written, first.plan.cells.map(({ cell, stage, needs }) => [cell, stage, needs])]).toEqual([
      3,
      [[own, 0, []], [base, 0, []], [mine, 1, [own]]],
    ]) // prettier-ignore
    const before = contents(folder)
    expect((await split(folder)).written).toBe(0)
    expect(contents(folder)).toEqual(before)
    rmSync(sharedFolder(folder).job(2))
    expect((await split(folder)).written).toBe(1)
    expect(contents(folder)).toEqual(before)
    expect(await codesOf(split(folder, { seeds: [2] }))).toEqual(['shared-folder-taken'])
    expect(contents(folder)).toEqual(before)
  })

  test('a job names what it needs by path and hash; copied contents lie in the folder', async () => {
    const folder = scratch()
    await split(folder)
    const { library } = opened.services
    const job = await readJob(sharedFolder(folder).job(3))
    expect(job.pool.map(({ name, contentHash }) => [name, contentHash])).toEqual(
      poolNames.map((name) => [name, library.adapters.byIds([(library.adapters.find(name) as { id: string }).id])[0]!.contentHash]),
    )
    expect(job.base).toEqual({ name: 'base-model', path: library.bases.list()[0]!.path, contentHash: library.bases.list()[0]!.contentHash })
    expect(job).toMatchObject({
      cell: mine,
      budget: 30,
      seed: 1,
      testLimit: 4,
      needs: { number: 1, cell: own },
      task: { hash: library.tasks.get('sentiment')!.hash },
    })
    const copied = scratch()
    await split(copied, {}, true)
    const there = await readJob(sharedFolder(copied).job(3))
    for (const { path } of [...there.pool, there.base])
      expect([path.startsWith('/'), existsSync(join(copied, path))]).toEqual([false, true])
    expect(there.fingerprint).toBe(job.fingerprint)
  })

  test('a job is run once; one that needs another waits for its adapter and gets it; ids are contents', async () => {
    const folder = join(scratch(), 'shared')
    await split(folder, {}, true)
    // Another machine sees the folder elsewhere.
    const moved = join(scratch(), 'moved')
    cpSync(folder, moved, { recursive: true })
    expect(await codesOf(run(moved, 3))).toEqual(['job-needs-other'])
    const first = await run(moved, 1)
    expect([first.state, first.result.adapter!.path, first.result.provenance['host'] === undefined]).toEqual(['done', null, false])
    const again = await run(moved, 1, { runCell: () => Promise.reject(new Error('is not run again')) })
    expect(again).toMatchObject({ state: 'known', result: first.result })
    const job = await readJob(sharedFolder(moved).job(3))
    const third = await run(moved, 3)
    expect(third.result.selection.map(({ adapterId }) => adapterId)).toEqual([
      first.result.adapter!.contentHash,
      ...job.pool.map(({ contentHash }) => contentHash),
    ])
    expect(third.result.cost).toMatchObject({ own: { tokens: 100, seconds: 2 } })
    expect(readdirSync(join(moved, 'locks'))).toEqual([])
    expect(readdirSync(join(moved, '..', 'scratch'))).toEqual([])
    expect(existsSync(sharedFolder(moved).adapter(3))).toBe(false)
  })

  test('of two processes one runs the job, the other is told who does', async () => {
    const folder = join(scratch(), 'shared')
    await split(folder)
    let second: readonly string[] = []
    const first = await run(folder, 2, {
      async runCell(toRun) {
        second = await codesOf(run(folder, 2))
        return resultFor(toRun, await readJob(sharedFolder(folder).job(2)))
      },
    })
    expect([first.state, second]).toEqual(['done', ['job-locked']])
  })

  test('contents that are not those of the plan are refused', async () => {
    const folder = join(scratch(), 'shared')
    await split(folder, {}, true)
    const job = await readJob(sharedFolder(folder).job(2))
    const weights = join(folder, job.pool[1]!.path, 'adapter_model.safetensors')
    const bytes = readFileSync(weights)
    // The last value: still a sound file, of another content.
    bytes[bytes.length - 2]! ^= 1
    writeFileSync(weights, bytes)
    expect(await codesOf(run(folder, 2))).toEqual(['content-differs'])
    expect(JSON.parse(readFileSync(sharedFolder(folder).failure(2), 'utf8'))).toMatchObject({
      fingerprint: job.fingerprint,
      problems: [{ code: 'content-differs' }],
    })
    rmSync(join(folder, job.pool[1]!.path), { recursive: true })
    expect(await codesOf(run(folder, 2))).toEqual(['file-missing'])
    await split(folder, {}, true)
    const examples = join(folder, job.task.path.replace('.task.json', '.test.jsonl'))
    writeFileSync(examples, readFileSync(examples, 'utf8').split('\n').slice(1).join('\n'))
    expect(await codesOf(run(folder, 2))).toEqual(['content-differs'])
  })

  test('what is there is gathered: done, failed, left and missing; later more of it', async () => {
    const folder = join(scratch(), 'shared')
    await split(folder, { title: 'Gathered' })
    const { planServices, library } = opened.services
    const states = (id: string) => library.plans.cells(id).map(({ state, value }) => [state, value])
    const nothing = await collectResults(folder, planServices)
    expect(nothing).toMatchObject({ state: 'imported', total: 3, done: 0, missing: [own, base, mine], failed: [], problems: [] })
    await run(folder, 2)
    expect(await codesOf(run(folder, 1, { runCell: () => Promise.reject(new Refusal([{ code: 'loss-diverged', severity: 'error', message: 'It ran away.' }])) }))).toEqual(['loss-diverged']) // prettier-ignore
    const partly = await collectResults(folder, planServices)
    expect(partly).toMatchObject({
      planId: nothing.planId,
      state: 'imported',
      done: 1,
      missing: [mine],
      failed: [{ cell: own, problems: [{ message: 'It ran away.' }] }],
    })
    expect(states(partly.planId)).toEqual([['failed', null], ['done', 0.75], ['left', null]]) // prettier-ignore
    await run(folder, 1)
    await run(folder, 3)
    const whole = await collectResults(folder, planServices)
    expect(whole).toMatchObject({ planId: nothing.planId, state: 'done', done: 3, missing: [], failed: [], problems: [] })
    expect(states(whole.planId)).toEqual([['done', 0.75], ['done', 0.75], ['done', 0.75]]) // prettier-ignore
    const first = (library.adapters.find(poolNames[0]) as { id: string }).id
    // The adapter of the first job is one that this library has, and is found by its content.
    expect(library.plans.result(whole.planId, mine)!.selection[0]!.adapterId).toBe(first)
    expect(library.plans.cells(whole.planId)[0]).toMatchObject({ adapterId: first })
    expect(library.plans.tasks(whole.planId)).toMatchObject([{ task: 'sentiment', hash: library.tasks.get('sentiment')!.hash }])
    expect(library.plans.task(whole.planId, 'sentiment')!.examples).toHaveLength(4)
    const revision = library.plans.revision(whole.planId)
    await collectResults(folder, planServices)
    expect(library.plans.revision(whole.planId)).toBe(revision)
    expect(library.plans.list().filter(({ title }) => title === 'Gathered')).toHaveLength(1)
  })

  test('results of another plan or on other examples are not taken, and those of another version are remarked on', async () => {
    const folder = join(scratch(), 'shared')
    await split(folder, { title: 'Mixed' })
    const shared = sharedFolder(folder)
    const { result } = await run(folder, 1)
    const { result: second } = await run(folder, 2)
    const job = await readJob(shared.job(3))
    const third = { ...result, cell: mine, fingerprint: job.fingerprint }
    const collect = () => collectResults(folder, opened.services.planServices)
    const said = async (changed: object) => {
      await writeShared(shared.result(3), { ...third, ...changed })
      const { state, done, missing, problems } = await collect()
      return { state, done, missing, codes: problems.map(({ code, severity }) => `${severity} ${code}`) }
    }
    const refused = { state: 'imported', done: 2, missing: [mine] }
    expect(await said({ fingerprint: '0'.repeat(64) })).toEqual({ ...refused, codes: ['error result-not-fitting'] })
    expect(await said({ exampleIds: ['a', 'b', 'd', 'c'] })).toEqual({ ...refused, codes: ['error examples-differ'] })
    expect(await said({ values: [1] })).toEqual({ ...refused, codes: ['error result-not-fitting'] })
    expect(await said({ values: 'x' })).toEqual({ ...refused, codes: ['error job-file-not-readable'] })
    expect(await said({ appVersion: '9.9.0' })).toEqual({ state: 'done', done: 3, missing: [], codes: ['warning result-not-fitting'] })
    expect(second.cell).toBe(base)
  })
})
