import type { ReportFormat } from '../contract/plan-run.ts'
import { agreementOf } from '../plans/agreement.ts'
import { describeComparedPlan, type PlanDescriber } from '../plans/plan-detail.ts'
import { buildReport } from './build-document.ts'
import { byBudget, mostSingleTasks, type PlacedAgreement, type ReportInput } from './plan-view.ts'
import { renderCsv } from './report-csv.ts'
import { renderHtml } from './report-html.ts'
import { renderLatex } from './report-latex.ts'
import { renderMarkdown } from './report-markdown.ts'

/**
 * What the report of a plan is made from, once its results are compared as they are; null for an unknown plan. Agreement is that of the largest
 * budget and the first seed, where there are few tasks.
 */
export async function gatherReport(describer: PlanDescriber, planId: string): Promise<ReportInput | null> {
  const detail = await describeComparedPlan(describer, planId)
  if (!detail) return null
  const budget = byBudget(detail).at(-1)?.budget
  const seed = detail.file.seeds[0]
  const tasks = detail.file.tasks.length <= mostSingleTasks ? detail.file.tasks : []
  if (budget === undefined || seed === undefined) return { detail, agreements: [] }
  const agreements = tasks.flatMap((task): readonly PlacedAgreement[] => {
    const agreement = agreementOf(describer.plans, { planId, task, budget, seed })
    return agreement ? [{ task, budget, seed, agreement }] : []
  })
  return { detail, agreements }
}

/** The report as one text: the page, Markdown without drawings, the table of estimates and differences, or the tables for LaTeX. */
export function renderReport(input: ReportInput, format: ReportFormat): string {
  switch (format) {
    case 'html':
      return renderHtml(buildReport(input))
    case 'markdown':
      return renderMarkdown(buildReport(input), { charts: false })
    case 'csv':
      return renderCsv(input.detail)
    case 'latex':
      return renderLatex(buildReport(input))
  }
}
