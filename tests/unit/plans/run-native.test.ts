import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { adaptInputSchema } from '../../../src-main/contract/adapt.ts'
import * as v from 'valibot'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { resolveAdaptation } from '../../../src-main/jobs/adapt-resolve.ts'
import { resolvePlan } from '../../../src-main/plans/resolve-plan.ts'
import { readPlan } from '../../../src-main/plans/read-plan.ts'
import type { OpenedServices } from '../../helpers/services.ts'
import { cellOf, jobsOf, openPlanBench, poolNames, runToEnd, shortArms, shortPlan, task, otherTask } from './run-bench.ts'

// The real core on the demo's base model, with few and short steps.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

describe.skipIf(loadBinding().binding === null)('a plan with the native core', () => {
  const { base, best, own, average, tiesOwn, tuned, tunedOwn, search, random } = shortArms
  let opened: OpenedServices
  let planId: string
  beforeAll(async () => {
    opened = await openPlanBench()
    planId = await runToEnd(opened.services, shortPlan([base, best, own, average, tiesOwn, tuned, tunedOwn, search, random]))
  })
  afterAll(() => opened.close())

  test('every arm is measured on the same examples', () => {
    const { plans } = opened.services.library
    expect(plans.cells(planId).map(({ state, problems }) => [state, problems.filter(({ severity }) => severity === 'error')])).toEqual(
      Array.from({ length: 9 }, () => ['done', []]),
    )
    expect(plans.get(planId)).toMatchObject({ state: 'done', process: null })
    const { examples, hash, metric } = plans.task(planId, task)!
    expect([examples.length, metric, hash]).toEqual([30, 'exact_match', opened.services.library.tasks.get(task)!.hash])
    expect(examples[0]!.prompt).not.toContain('<')
    const ids = examples.map(({ id }) => id)
    for (const { exampleIds } of plans.values(planId).values()) expect(exampleIds).toEqual(ids)
    expect(plans.values(planId).size).toBe(9)
  })

  test('work is shared: one training, one scored pool, one job for all test examples', () => {
    const { services } = opened
    expect([jobsOf(services, 'train').length, jobsOf(services, 'evaluate').length]).toEqual([1, 1])
    const cost = (arm: string) => cellOf(services, planId, arm).cost!
    const ownCost = cost('own').learning
    expect(ownCost.tokens).toBeGreaterThan(0)
    expect(cost('tuned_own').own).toEqual(ownCost)
    expect(cost('tuned').own).toEqual({ tokens: 0, seconds: 0 })
    // The first arm that chooses pays for the pool; for the others it would cost as much alone.
    const first = cost('best_single')
    expect([first.selection.adapters, cost('tuned').selection.adapters]).toEqual([3, 3])
    expect(first.spent.tokens).toBeGreaterThanOrEqual(first.selection.tokens)
    expect(cost('tuned').selection.tokens).toBeGreaterThan(0)
    expect(cost('tuned').spent.tokens).toBeCloseTo(cost('tuned').learning.tokens + cost('tuned').test.tokens, 6)
    expect(cost('base')).toMatchObject({ learning: { tokens: 0 }, selection: { tokens: 0, adapters: 0 }, examples: 0 })
    expect(cost('base').device).toBe(cost('tuned').device)
  })

  test('a result says what it depends on and what was chosen', () => {
    const { services } = opened
    const { library } = services
    const merged = library.plans.result(planId, `${task}/10/1/ties_own`)!
    expect(merged.selection.filter(({ place }) => place !== null)).toHaveLength(3)
    expect(merged.selection[0]).toMatchObject({ name: `Fresh LoRA [${task}/10/1/own]`, place: 0 })
    expect(library.adapters.get(cellOf(services, planId, 'ties_own').adapterId!)).toMatchObject({
      origin: 'merged',
      lineage: { method: 'ties' },
    })
    expect(Number(merged.provenance['rank'])).toBeGreaterThan(16)
    expect(Number(merged.provenance['keptEnergy'])).toBeGreaterThan(0.5)
    expect(library.plans.result(planId, `${task}/10/-/average`)!.provenance).toMatchObject({ keptEnergy: '1.00000' })
    const { provenance, fingerprint, appVersion, adapter, curve, coefficients } = library.plans.result(planId, `${task}/10/1/tuned`)!
    expect([fingerprint.length, appVersion]).toEqual([64, '9.8.7'])
    expect(provenance).toMatchObject({ task: library.tasks.get(task)!.hash, seed: '1' })
    expect(adapter?.contentHash).toBe(library.adapters.get(cellOf(services, planId, 'tuned').adapterId!)?.contentHash)
    expect(curve.map(({ step }) => step)).toContain(2)
    expect(coefficients!.adapters).toHaveLength(2)
    const single = library.adapters.get(cellOf(services, planId, 'best_single').adapterId!)!
    expect(poolNames).toContain(single.name)
    expect(library.plans.get(planId)!.provenance).toMatchObject({ pool: expect.stringMatching(/^3 adapters, [0-9a-f]{64}$/) as string, seeds: '1' }) // prettier-ignore
  })

  test('what a plan made is in no later pool', async () => {
    const { library, adapt, planServices } = opened.services
    const { plan } = readPlan(shortPlan([base, tuned], { tasks: [otherTask] }))
    const { resolved } = await resolvePlan(plan!, planServices)
    const names = resolved!.pool.map((id) => library.adapters.get(id)!.name)
    expect(names).toEqual([...poolNames].sort())
    const baseId = resolved!.baseId
    const { checked } = resolveAdaptation(v.parse(adaptInputSchema, { arm: 'tune', baseId, taskId: otherTask }), adapt)
    expect(checked!.pool.map(({ name }) => name).sort()).toEqual([...poolNames].sort())
  })

  test('the same part again gives the same, and only that part is run', async () => {
    const { services } = opened
    const { plans, library } = services
    const before = library.plans.cells(planId)
    const cell = cellOf(services, planId, 'tuned')
    expect(await plans.run(planId, [cell.id])).toEqual([])
    expect(library.plans.cells(planId)).toEqual(before)
    expect((await plans.run(planId, [cell.id], true)).filter(({ severity }) => severity === 'error')).toEqual([])
    await plans.whenEnded(planId)
    const after = library.plans.cells(planId)
    const changed = after.filter(({ jobId }, index) => jobId !== before[index]!.jobId).map(({ arm }) => arm)
    expect(changed).toEqual(['tuned'])
    expect(cellOf(services, planId, 'tuned')).toMatchObject({ state: 'done', value: cell.value })
    expect(library.plans.get(planId)!.state).toBe('done')
  })

  test('parts and plans that are not there are refused', async () => {
    const { plans } = opened.services
    expect((await plans.run(planId, ['nothing']))[0]).toMatchObject({ code: 'parameter-invalid', where: { value: 'nothing' } })
    expect((await plans.run('none'))[0]).toMatchObject({ code: 'plan-unknown' })
    expect(plans.stop('none')[0]).toMatchObject({ code: 'plan-unknown' })
    expect(plans.progressOf(planId)).toBeNull()
  })

  test('a task that changed is refused for some of its parts, and measured anew for all', async () => {
    const { plans, library } = opened.services
    await library.tasks.edit(task, { instruction: 'Say what the review says.' })
    await plans.run(planId, [`${task}/-/-/base`], true)
    await plans.whenEnded(planId)
    expect(cellOf(opened.services, planId, 'base')).toMatchObject({ state: 'failed', problems: [{ code: 'examples-differ' }] })
    expect(library.plans.get(planId)!.state).toBe('partial')
  })
})
