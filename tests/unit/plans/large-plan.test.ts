import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as v from 'valibot'
import { planDetailSchema } from '../../../src-main/contract/plan-run.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { agreementOf } from '../../../src-main/plans/agreement.ts'
import { planOutcomes } from '../../../src-main/plans/outcomes.ts'
import { createPlanComparer, type PlanComparer } from '../../../src-main/plans/plan-comparer.ts'
import { describeComparedPlan, describePlan, type PlanDescriber } from '../../../src-main/plans/plan-detail.ts'
import { createRandom } from '../../../src-main/statistics/random.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from '../library/plan-support.ts'

const [tasks, arms, seeds, examples] = [62, 12, 5, 300]
/** Generous: a loaded machine needs several times what a free one does. */
const openBoundMs = 1000

let folder: string
let library: Library
let comparer: PlanComparer
let describer: PlanDescriber
const told: string[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amalgam-large-plan-'))
  library = openLibrary({ folder, log: silentLog })
  comparer = createPlanComparer({ plans: library.plans, emitPlan: (id) => told.push(id), log: silentLog })
  describer = { plans: library.plans, comparer, appVersion: '1.0.0' }
  const names = Array.from({ length: tasks }, (_, index) => `task-${index}`)
  const roles = ['base', 'own', 'merged', 'mergedWithOwn', 'random', 'randomWithOwn', 'retuned'] as const
  const tuned = Array.from({ length: arms - 2 }, (_, index) => ({
    ...{ kind: 'tune' as const, id: `arm-${index}`, role: roles[index + 2] ?? null, params: { skip: index } },
  }))
  const plan = insertPlan(
    library.plans,
    planOf('large', {
      tasks: names,
      seeds: Array.from({ length: seeds }, (_, index) => index + 1),
      arms: [{ kind: 'base', id: 'base', role: 'base' }, { kind: 'train', id: 'own', role: 'own' }, ...tuned],
    }),
  )
  const random = createRandom(3)
  for (const task of names) library.plans.setTask('large', planTaskOf(task, examples))
  for (const { id, arm } of library.plans.cells('large')) {
    const share = 0.45 + 0.02 * plan.file.arms.findIndex((one) => one.id === arm)
    library.plans.setResult(
      'large',
      resultOf(
        id,
        Array.from({ length: examples }, () => Number(random.uniform() < share)),
      ),
    )
  }
}, 120_000)

afterAll(async () => {
  await comparer.close()
  library.close()
  rmSync(folder, { recursive: true, force: true })
})

test(
  'a plan of 62 tasks, 12 arms, 5 seeds and 300 examples is compared in a thread, and then opens at once',
  { timeout: 180_000 },
  async () => {
    const first = timed(() => describePlan(describer, 'large'))
    expect(first.result?.comparisons).toEqual([])
    const begun = performance.now()
    const compared = await describeComparedPlan(describer, 'large')
    const comparedMs = performance.now() - begun
    expect(told).toContain('large')
    expect(compared?.comparisons[0]?.verdicts).toHaveLength(tasks + 1)
    expect(compared?.headline).toBe(compared?.comparisons[0]?.verdicts.at(-1)?.headline)
    const again = timed(() => describePlan(describer, 'large'))
    expect(again.result).toEqual(compared)
    const sent = timed(() => JSON.stringify(v.parse(planDetailSchema, again.result)))
    const agreement = timed(() => agreementOf(library.plans, { planId: 'large', task: 'task-7', budget: 100, seed: 2 }))
    expect(agreement.result).toMatchObject({ n: examples, arms: expect.arrayContaining(['base', 'own', 'arm-9']) })
    const page = timed(() =>
      planOutcomes(library.plans, {
        ...{ planId: 'large', task: 'task-7', budget: 100, seed: 2, arms: ['base', 'own'], right: ['own'], wrong: ['base'] },
        ...{ text: '', offset: 0, limit: 50 },
      }),
    )
    expect(page.result.total).toBe(agreement.result!.onlyRow[1]![0])
    const listed = timed(() => library.plans.list())
    const figures = { first, again, sent, agreement, page, listed }
    const shown = Object.entries(figures).map(([name, { ms }]) => `${name} ${ms.toFixed(0)} ms`)
    console.log(
      `${library.plans.cells('large').length} cells: compared ${comparedMs.toFixed(0)} ms, ${shown.join(', ')}, ${sent.result.length} characters`,
    )
    expect(again.ms).toBeLessThan(openBoundMs)
    expect(listed.ms).toBeLessThan(openBoundMs)
  },
)

function timed<Result>(work: () => Result): { readonly result: Result; readonly ms: number } {
  const begun = performance.now()
  const result = work()
  return { result, ms: performance.now() - begun }
}
