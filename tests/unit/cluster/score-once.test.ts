import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as v from 'valibot'
import { readJob, sharedFolder } from '../../../src-main/cluster/shared-folder.ts'
import { runJob, type JobTools } from '../../../src-main/cluster/run-job.ts'
import { splitPlan } from '../../../src-main/cluster/split-plan.ts'
import { planFileSchema, type PlanFileInput } from '../../../src-main/contract/plan.ts'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { resolvePlan } from '../../../src-main/plans/resolve-plan.ts'
import { makeCell, measureCells } from '../../../src-main/plans/run-cell.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { addDemo, poolNames } from '../jobs/adapt-demo.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const merge = { kind: 'merge', selection: { selection: 'evaluation', k: 2 } } as const
const file: PlanFileInput = {
  ...{
    version: 1,
    title: 'Merges',
    base: 'base-model',
    pool: poolNames.slice(0, 2),
    tasks: ['sentiment'],
    budgets: [10],
    seeds: [1],
    testLimit: 4,
  },
  arms: [
    { ...merge, id: 'average', method: 'average' },
    { ...merge, id: 'linear', method: 'linear' },
    { ...merge, id: 'concat', method: 'concat' },
  ],
}

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  let opened: OpenedServices
  beforeAll(async () => {
    opened = openTestServices()
    await addDemo(opened.services)
  })
  afterAll(() => opened.close())

  test('of jobs that run at the same time one scores the pool, and a later one finds the scores', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'amalgam-once-')), 'shared')
    const { planServices } = opened.services
    const { resolved } = await resolvePlan(v.parse(planFileSchema, file), planServices)
    await splitPlan(resolved!, folder, { copyAdapters: false, copyBase: false }, planServices)
    const shared = sharedFolder(folder)
    const stages: string[] = []
    const tools: JobTools = {
      signal: new AbortController().signal,
      report: (stage) => void stages.push(stage),
      async withLibrary(library, work) {
        const { services, close } = openTestServices(library)
        return work({ plans: services.planServices, importer: services.importer, bases: services.bases }).finally(close)
      },
      async runCell(toRun, services, hooks) {
        const [measured] = await measureCells([await makeCell(toRun, services, hooks)], services, hooks)
        if (!measured?.result) throw new Refusal(measured?.problems ?? [])
        return measured.result
      },
    }
    const run = (number: number) => runJob(shared.job(number), { work: join(folder, '..', 'scratch'), keepAdapter: true }, tools)
    const [first, second] = await Promise.all([run(1), run(2)])
    const third = await run(3)
    const costs = [first, second, third].map(({ result: { cost } }) => cost)
    const [alone] = costs.map(({ selection }) => selection.tokens)
    expect(alone).toBeGreaterThan(0)
    // Alone each would have scored the pool; one of the first two did.
    expect(costs.map(({ selection }) => [selection.tokens, selection.adapters])).toEqual(costs.map(() => [alone, 2]))
    const beyondTest = costs.map(({ spent, test: answered }) => spent.tokens - answered.tokens)
    const [less, more] = beyondTest.slice(0, 2).toSorted((left, right) => left - right)
    expect([less, beyondTest[2]]).toEqual([0, 0])
    // What scoring takes alone is reckoned from the lengths of the examples; answers may be shorter.
    expect(more! / alone!).toBeGreaterThan(0.8)
    expect(more! / alone!).toBeLessThanOrEqual(1)
    const [chosen, ...others] = [first, second, third].map(({ result: { selection } }) => selection)
    expect(others).toEqual([chosen, chosen])
    expect(chosen!.map(({ name }) => name).toSorted()).toEqual([...poolNames.slice(0, 2)].toSorted())
    expect(chosen!.every(({ value }) => value !== null)).toBe(true)
    const { hash } = (await readJob(shared.job(1))).task
    expect(readdirSync(shared.scores(hash))).toHaveLength(2)
    expect(readdirSync(shared.adapter(3)).toSorted()).toEqual(expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']))
  })
})
