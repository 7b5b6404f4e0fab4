import type { ReportFormat } from '../contract/plan-run.ts'
import { folderName } from '../jobs/output-folder.ts'
import type { ReportFigure } from './document.ts'

const endings: Readonly<Record<ReportFormat, string>> = { html: 'html', markdown: 'md', csv: 'csv', latex: 'tex' }

/** A name for one form of the report by itself: "quick-look-report.html". */
export function reportFileName(title: string, format: ReportFormat): string {
  return `${reportFolderName(title)}.${endings[format]}`
}

/** The name of the folder that all forms are written into: "Quick-look-report". */
export function reportFolderName(title: string): string {
  return folderName(`${title.slice(0, 60)} report`)
}

/** Where a drawing lies beside the Markdown. */
export function chartFile({ id }: Pick<ReportFigure, 'id'>): string {
  return `charts/${id}.svg`
}
