import type { ReportFormat } from '../contract/plan-run.ts'
import { buildReport } from './build-document.ts'
import type { ReportInput } from './plan-view.ts'
import { renderCsv } from './report-csv.ts'
import { renderHtml } from './report-html.ts'
import { renderLatex } from './report-latex.ts'
import { renderMarkdown } from './report-markdown.ts'

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
