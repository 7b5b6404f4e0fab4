import { stringify } from 'yaml'
import { metricOf } from '../contract/metrics.ts'
import type { PlanCheck } from '../contract/plan-run.ts'
import { Refusal } from '../contract/problems.ts'
import { chooseDevice } from '../jobs/evaluate-device.ts'
import { detectableDifference } from '../statistics/detectable.ts'
import { expandPlan } from './expand-plan.ts'
import { assumedDisagreement } from './plan-detail.ts'
import { estimatePlan } from './plan-estimate.ts'
import type { PlanServices } from './plan-services.ts'
import { readPlan } from './read-plan.ts'
import { resolvePlan, testCount } from './resolve-plan.ts'

/** What a plan would do: its cells, what its tests can show, how long it takes; and everything that is wrong with it. Nothing is started. */
export async function checkPlan(draft: unknown, services: PlanServices): Promise<PlanCheck> {
  const { plan, problems: said } = readPlan(draft)
  const { device } = chooseDevice(services.evaluation.settings().device, services.evaluation.engine)
  const nothing = { cells: [], tasks: [], pool: 0, etaSeconds: null, device: device?.name ?? '' }
  if (!plan) return { ...nothing, plan: null, yaml: typeof draft === 'string' ? draft : stringify(draft), problems: [...said] }
  const { resolved, tasks, poolHashes, problems } = await resolvePlan(plan, services)
  const known = {
    ...nothing,
    yaml: stringify(plan),
    cells: expandPlan(plan).map(({ id, arm, needs }) => ({ id, arm: arm.id, needs: [...needs] })),
    tasks: [...tasks].map(([name, task]) => {
      const test = testCount(task, plan)
      const isShare = metricOf(task.metric).unit === 'fraction'
      return {
        task: name,
        title: task.title,
        test,
        detectable: isShare && test > 0 ? detectableDifference(test, assumedDisagreement) : null,
      }
    }),
    pool: poolHashes.length,
  }
  if (!resolved) return { ...known, plan: null, problems: [...said, ...problems] }
  try {
    return { ...known, plan, etaSeconds: await estimatePlan(resolved, tasks, services), problems: [...said, ...problems] }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ...known, plan: null, problems: [...said, ...problems, ...error.problems] }
  }
}
