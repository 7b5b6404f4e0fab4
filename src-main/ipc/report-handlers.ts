import { errorProblem, Refusal } from '../contract/problems.ts'
import type { PlanDescriber } from '../plans/plan-detail.ts'
import { withoutPlaces } from '../plans/without-places.ts'
import { reportFileName } from '../report/file-names.ts'
import { gatherReport } from '../report/gather-report.ts'
import type { ReportInput } from '../report/plan-view.ts'
import { renderReport } from '../report/report.ts'
import { writeReport } from '../report/write-report.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

/** Requests of reports: one form as a text, or all of them as a folder. Only the plan's results are read; adapters may be gone. */
export function reportHandlers(
  { planDescriber, outputFolder }: Pick<Services, 'planDescriber' | 'outputFolder'>,
  permitted: (...paths: readonly string[]) => Promise<void>,
): Pick<Handlers, 'plans.report' | 'plans.writeReport'> {
  return {
    'plans.report': async ({ planId, format }) => {
      const input = await reportOf(planDescriber, planId)
      return { text: renderReport(input, format), fileName: reportFileName(input.detail.title, format), problems: [] }
    },
    'plans.writeReport': async ({ planId, folder }) => {
      if (folder !== null) await permitted(folder)
      const { path, files } = await writeReport(await reportOf(planDescriber, planId), folder ?? outputFolder())
      return { path, files: [...files], problems: [] }
    },
  }
}

/** What the report of a plan is made from, without places on this machine: reports are given away. A Refusal for an unknown plan. */
export async function reportOf(describer: PlanDescriber, planId: string): Promise<ReportInput> {
  const input = await gatherReport(describer, planId)
  if (input) return { ...input, detail: withoutPlaces(input.detail) }
  throw new Refusal([
    errorProblem('plan-unknown', `There is no plan ${planId}.`, { where: { value: planId }, hint: 'It may have been removed.' }),
  ])
}
