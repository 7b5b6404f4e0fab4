import { openLibrary } from '../../src-main/library/open-library.ts'
import { createPlanComparer } from '../../src-main/plans/plan-comparer.ts'
import { describeComparedPlan } from '../../src-main/plans/plan-detail.ts'
import { createRandom } from '../../src-main/statistics/random.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from '../unit/library/plan-support.ts'

const [tasks, arms, seeds, examples] = [62, 12, 5, 300]
const planId = 'large'

/** How large the plan is, in words. */
export const largePlanSize = `${tasks} tasks x ${arms} arms x ${seeds} seeds x ${examples} examples`

/** Fills an empty library folder with one plan that has all its results and was compared once. */
export async function fillLargePlan(folder: string): Promise<void> {
  const log = { info: () => undefined, warn: console.warn, error: console.error }
  const library = openLibrary({ folder, log })
  const comparer = createPlanComparer({ plans: library.plans, emitPlan: () => undefined, log })
  const roles = ['merged', 'mergedWithOwn', 'random', 'randomWithOwn', 'retuned'] as const
  const names = Array.from({ length: tasks }, (_, index) => `task-${index}`)
  const tuned = Array.from({ length: arms - 2 }, (_, index) => ({
    ...{ kind: 'tune' as const, id: `arm-${index}`, role: roles[index] ?? null, params: { skip: index } },
  }))
  const { file } = insertPlan(
    library.plans,
    planOf(planId, {
      tasks: names,
      seeds: Array.from({ length: seeds }, (_, index) => index + 1),
      arms: [{ kind: 'base', id: 'base', role: 'base' }, { kind: 'train', id: 'own', role: 'own' }, ...tuned],
    }),
  )
  const random = createRandom(3)
  for (const task of names) library.plans.setTask(planId, planTaskOf(task, examples))
  for (const { id, arm } of library.plans.cells(planId)) {
    const share = 0.45 + 0.02 * file.arms.findIndex((one) => one.id === arm)
    const values = Array.from({ length: examples }, () => Number(random.uniform() < share))
    library.plans.setResult(planId, resultOf(id, values))
  }
  library.plans.patch(planId, { state: 'done', endedAt: '2026-01-01T02:00:00.000Z' })
  await describeComparedPlan({ plans: library.plans, comparer, appVersion: '1.0.0' }, planId)
  await comparer.close()
  library.close()
}
