import { beforeEach, expect, test } from 'vitest'
import type { PlanDetail, PlanSummary } from '../../../src-main/contract/plan-run.ts'
import { planResultHandlers } from '../../../src-main/ipc/plan-result-handlers.ts'
import { createDispatch, type Dispatch, type Handlers } from '../../../src-main/ipc/serve.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from '../library/plan-support.ts'
import { openPlanBench, right, type PlanBench } from '../plans/plan-library.ts'

let bench: PlanBench
let call: Dispatch
let told: string[]
beforeEach(() => {
  bench = openPlanBench()
  told = []
  const emit = (_name: string, payload: unknown): void => void told.push((payload as { readonly planId: string }).planId)
  const progressOf = (id: string) => (id === 'b' ? { cell: 't/100/1/own', stage: 'training', fraction: 0.5, etaSeconds: 3 } : null)
  call = createDispatch(
    planResultHandlers({ library: bench.library, emit, planDescriber: { ...bench, progressOf } }) as Handlers,
    silentLog,
  )
  insertPlan(bench.plans, planOf('a', { seeds: [1] }, { state: 'done' }))
  insertPlan(bench.plans, planOf('b', { seeds: [1] }))
  bench.plans.setTask('a', planTaskOf('t', 100))
  bench.plans.setResult('a', resultOf('t/-/-/base', right(40)))
  bench.plans.setResult('a', resultOf('t/100/1/own', right(60), { chosenStep: 7 }))
})

async function answer<Value>(name: string, input: unknown): Promise<Value> {
  const reply = await call(name, input)
  if (!reply.ok) throw new Error(JSON.stringify(reply.problems))
  return reply.value as Value
}
const codesOf = async (name: string, input: unknown): Promise<string[]> =>
  (await answer<{ readonly problems: readonly { readonly code: string }[] }>(name, input)).problems.map(({ code }) => code)

test('a plan is listed, and described with comparisons and progress', async () => {
  const detail = await answer<PlanDetail>('plans.get', { planId: 'a' })
  expect(detail.comparisons.map(({ baseline, comparisons }) => [baseline, comparisons.length])).toEqual([['base', 1]])
  expect((await answer<PlanDetail>('plans.get', { planId: 'a', baseline: 'own' })).comparisons[0]!.baseline).toBe('own')
  expect((await answer<PlanDetail>('plans.get', { planId: 'b' })).progress).toMatchObject({ stage: 'training', fraction: 0.5 })
  expect(await answer('plans.get', { planId: 'unknown' })).toBeNull()
  const list = await answer<PlanSummary[]>('plans.list', {})
  expect(list.map(({ id, done, headline }) => [id, done, headline])).toEqual([
    ['b', 0, null],
    ['a', 2, detail.headline],
  ])
  expect(detail.headline).toMatch(/^No verdict/)
})

test('a cell comes without its outcomes; these and their agreement are asked for', async () => {
  expect(await answer('plans.cell', { planId: 'a', cell: 't/100/1/own' })).toMatchObject({
    chosenStep: 7,
    exampleIds: [],
    values: [],
    predictions: [],
  })
  expect(await answer('plans.cell', { planId: 'a', cell: 'unknown' })).toBeNull()
  const run = { planId: 'a', task: 't', budget: 100, seed: 1 }
  expect(await answer('plans.agreement', run)).toMatchObject({ n: 100, right: [40, 60] })
  const page = await answer<{ readonly rows: readonly { readonly exampleId: string }[]; readonly total: number }>('plans.outcomes', {
    ...run,
    ...{ arms: ['base', 'own'], right: ['own'], wrong: ['base'], offset: 0, limit: 2 },
  })
  expect([page.total, page.rows.map(({ exampleId }) => exampleId)]).toEqual([20, ['e40', 'e41']])
})

test('plans are archived, and a baseline is pinned that is one of the arms', async () => {
  expect(await codesOf('plans.setArchived', { planIds: ['a', 'unknown'], archived: true })).toEqual(['plan-unknown'])
  expect(bench.plans.list().map(({ id, archived }) => [id, archived])).toEqual([
    ['b', false],
    ['a', true],
  ])
  expect(await codesOf('plans.pinBaseline', { planId: 'a', arm: 'own' })).toEqual([])
  expect(bench.plans.get('a')!.baseline).toBe('own')
  expect(await codesOf('plans.pinBaseline', { planId: 'a', arm: 'other' })).toEqual(['arm-unknown'])
  expect(await codesOf('plans.pinBaseline', { planId: 'unknown', arm: null })).toEqual(['plan-unknown'])
  expect(bench.plans.get('a')!.baseline).toBe('own')
  expect(told).toEqual(['a', 'a'])
})

test('plans are removed with their results, unless they run', async () => {
  expect(await codesOf('plans.remove', { planIds: ['a', 'b', 'unknown'] })).toEqual(['plan-running', 'plan-unknown'])
  expect(bench.plans.list().map(({ id }) => id)).toEqual(['b'])
  expect(told).toEqual(['a'])
})
