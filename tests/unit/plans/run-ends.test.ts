import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import type { OpenedServices } from '../../helpers/services.ts'
import { cellOf, jobsOf, openPlanBench, runToEnd, shortArms, shortPlan, task, until } from './run-bench.ts'

// The real core on the demo's base model, with few and short steps.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

describe.skipIf(loadBinding().binding === null)('how plans end', () => {
  const { base, own, tuned, tunedOwn } = shortArms
  let opened: OpenedServices
  beforeAll(async () => void (opened = await openPlanBench()))
  afterAll(() => opened.close())

  test('a failing arm does not stop the others, and is tried alone when the plan is run again', async () => {
    const { services } = opened
    const { plans, library } = services
    const skipping = { ...tuned, params: { ...tuned.params, skip: 50 } }
    const planId = await runToEnd(services, shortPlan([base, own, skipping, tunedOwn]))
    expect(library.plans.cells(planId).map(({ arm, state }) => [arm, state])).toEqual([
      ['own', 'done'],
      ['base', 'done'],
      ['tuned', 'failed'],
      ['tuned_own', 'done'], // prettier-ignore
    ])
    expect(cellOf(services, planId, 'tuned').problems[0]).toMatchObject({ code: 'pool-empty', severity: 'error' })
    expect(library.plans.get(planId)!.state).toBe('partial')
    const jobs = services.queue.list().length
    await plans.run(planId)
    await plans.whenEnded(planId)
    expect(services.queue.list().length).toBe(jobs + 1)
    expect(library.plans.get(planId)!.state).toBe('partial')
  })

  test('parts whose own LoRA could not be trained are left, the others are measured', async () => {
    const { services } = opened
    // Every example is longer than that.
    const broken = { ...own, params: { ...own.params, maxTokens: 8 } }
    const planId = await runToEnd(services, shortPlan([base, broken, tuned, tunedOwn]))
    const states = services.library.plans.cells(planId).map(({ arm, state }) => [arm, state])
    expect(states).toEqual([['own', 'failed'], ['base', 'done'], ['tuned', 'done'], ['tuned_own', 'left']]) // prettier-ignore
    expect(cellOf(services, planId, 'own').problems.map(({ code }) => code)).toContain('prompt-too-long')
    expect(cellOf(services, planId, 'tuned_own').problems[0]).toMatchObject({ code: 'own-missing' })
  })

  test('a plan that is stopped ends within 200 ms and goes on where it was', async () => {
    const { services } = opened
    const { plans, library } = services
    const long = { ...tuned, params: { ...tuned.params, steps: 120 } }
    const { planId } = await plans.start(shortPlan([base, own, long], { title: 'Stopped' }))
    await until(() => plans.progressOf(planId!)?.cell === `${task}/10/1/tuned` && plans.progressOf(planId!)!.stage === 'learning')
    expect(await plans.run(planId!)).toMatchObject([{ code: 'plan-running' }])
    const asked = performance.now()
    expect(plans.stop(planId!)).toEqual([])
    expect(library.plans.get(planId!)!.state).toBe('stopping')
    await plans.whenEnded(planId!)
    expect(performance.now() - asked).toBeLessThan(200)
    expect(library.plans.get(planId!)).toMatchObject({ state: 'cancelled', process: null })
    expect(library.plans.cells(planId!).map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting'])
    const trained = jobsOf(services, 'train')
    const ownJob = cellOf(services, planId!, 'own').jobId
    await plans.run(planId!)
    await plans.whenEnded(planId!)
    expect(library.plans.get(planId!)!.state).toBe('done')
    // The own LoRA was made before: its job is the same.
    expect([jobsOf(services, 'train'), cellOf(services, planId!, 'own').jobId]).toEqual([trained, ownJob])
    expect(library.plans.cells(planId!).map(({ state, n }) => [state, n])).toEqual([['done', 30], ['done', 30], ['done', 30]]) // prettier-ignore
  })

  test('a plan whose process died is interrupted, and can be gone on with', async () => {
    const { plans, library } = opened.services
    const planId = await runToEnd(opened.services, shortPlan([base], { title: 'Interrupted' }))
    library.plans.patch(planId, { state: 'running', process: '999999999@1' })
    library.plans.patchCell(planId, `${task}/-/-/base`, { state: 'running' })
    plans.takeUp()
    expect(library.plans.get(planId)).toMatchObject({ state: 'interrupted', process: null })
    expect(library.plans.cells(planId)[0]!.state).toBe('waiting')
    await plans.run(planId)
    await plans.whenEnded(planId)
    expect(library.plans.get(planId)!.state).toBe('done')
  })

  test('an adapter that an open part needs and that is gone is made again', async () => {
    const { services } = opened
    const { plans, library } = services
    const planId = await runToEnd(services, shortPlan([base, own, tunedOwn], { title: 'Gone', seeds: [7] }))
    const first = cellOf(services, planId, 'own')
    library.adapters.remove([first.adapterId!])
    await plans.run(planId, [cellOf(services, planId, 'tuned_own').id], true)
    await plans.whenEnded(planId)
    const second = cellOf(services, planId, 'own')
    expect(library.plans.get(planId)!.state).toBe('done')
    expect(second.jobId).not.toBe(first.jobId)
    expect(second.value).toBe(first.value)
  })
})
