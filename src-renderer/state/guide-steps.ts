import type { PlanSummary } from '../../src-main/contract/plan-run.ts'

/** The way through the demo, in order. */
export const guideStepIds = ['adapters', 'model', 'plan', 'verdict'] as const
export type GuideStepId = (typeof guideStepIds)[number]

/** What the library holds, as far as the guide asks. */
export interface GuideFacts {
  readonly demoAdapters: number
  readonly bases: number
  readonly tasks: number
  readonly plans: readonly Pick<PlanSummary, 'headline' | 'state'>[]
  /** The person opened a verdict from the guide. */
  readonly read: boolean
}

export interface GuideStep {
  readonly id: GuideStepId
  readonly state: 'done' | 'next' | 'later'
}

/** Which steps are done; the first one that is not is next. A plan counts once it has a verdict. */
export function guideSteps({ demoAdapters, bases, tasks, plans, read }: GuideFacts): readonly GuideStep[] {
  const done: Readonly<Record<GuideStepId, boolean>> = {
    adapters: demoAdapters > 0,
    model: bases > 0 && tasks > 0,
    plan: plans.some(({ headline }) => headline !== null),
    verdict: read,
  }
  const next = guideStepIds.find((id) => !done[id])
  return guideStepIds.map((id) => ({ id, state: done[id] ? 'done' : id === next ? 'next' : 'later' }))
}
