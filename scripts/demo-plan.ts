import type { Session } from '../src-main/command-line/session.ts'
import { planPresets } from '../src-main/contract/plan-presets.ts'
import type { PlanFileInput } from '../src-main/contract/plan.ts'
import type { PlanDetail } from '../src-main/contract/plan-run.ts'
import { Refusal } from '../src-main/contract/problems.ts'
import { reportOf } from '../src-main/ipc/report-handlers.ts'
import { buildReport } from '../src-main/report/build-document.ts'
import { writeReport } from '../src-main/report/write-report.ts'

/** What the quick look found, and where its report lies. */
export interface QuickLook {
  readonly headline: string
  readonly statement: string
  readonly strength: string
  readonly toDecide: string | null
  readonly jobs: { readonly done: number; readonly total: number }
  readonly seconds: number
  /** What every job would have taken without sharing work. */
  readonly aloneSeconds: number
  /** Folder of the report. */
  readonly path: string
  readonly planId: string
}

/** Runs the quick look on a task of the library, and writes its report into `folder`. Throws a Refusal when the plan cannot begin. */
export async function takeQuickLook(
  { services, onEvent }: Session,
  { base, pool, task }: { readonly base: string; readonly pool: readonly string[]; readonly task: string },
  folder: string,
  progress: (text: string) => void,
): Promise<QuickLook> {
  const { plan, label, id: preset } = planPresets[0]!
  const began = performance.now()
  const draft: PlanFileInput = { version: 1, title: `${label}: ${task}`, preset, base, pool: [...pool], tasks: [task], ...plan }
  const { planId, problems } = await services.plans.start(draft)
  if (planId === null) throw new Refusal(problems)
  const stopListening = onEvent((name) => {
    if (name === 'plans.changed') progress(progressText(services.plans.progressOf(planId)))
  })
  await services.plans.whenEnded(planId).finally(stopListening)
  const input = await reportOf(services.planDescriber, planId)
  const { headline, statement, strength, toDecide } = buildReport(input)
  const { path } = await writeReport(input, folder)
  const { done, total, costs } = input.detail
  return {
    ...{ headline, statement, strength, toDecide, jobs: { done, total }, path, planId },
    seconds: (performance.now() - began) / 1000,
    aloneSeconds: costs.reduce((sum, { cost: { selection, own, learning, test } }) => sum + selection.seconds + own.seconds + learning.seconds + test.seconds, 0), // prettier-ignore
  }
}

function progressText(progress: PlanDetail['progress']): string {
  if (!progress) return 'quick look'
  const left = progress.etaSeconds === null ? '' : `, ${Math.ceil(progress.etaSeconds)} s left`
  return `quick look ${Math.round(100 * progress.fraction)} %: ${progress.cell === null ? '' : `${progress.cell} `}${progress.stage}${left}`
}
