import { mkdir, readdir } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { freeFolder, makeOutputFolder, writeOutputFile } from '../jobs/output-folder.ts'
import { buildReport } from './build-document.ts'
import { standaloneSvg } from './charts/chart-style.ts'
import { figuresOf } from './document.ts'
import { chartFile, reportFolderName } from './file-names.ts'
import type { ReportInput } from './plan-view.ts'
import { renderCsvFiles } from './report-csv.ts'
import { renderHtml } from './report-html.ts'
import { renderLatex } from './report-latex.ts'
import { renderMarkdown } from './report-markdown.ts'

/** Every file of a report by its place in the folder. */
export function reportFiles(input: ReportInput): ReadonlyMap<string, string> {
  const document = buildReport(input)
  const { estimates, differences, costs, cells } = renderCsvFiles(input.detail)
  return new Map([
    ['report.html', renderHtml(document)],
    ['report.md', renderMarkdown(document, { charts: true })],
    ['tables.tex', renderLatex(document)],
    ['estimates.csv', estimates],
    ['differences.csv', differences],
    ['costs.csv', costs],
    ['cells.csv', cells],
    ...figuresOf(document).map((figure): [string, string] => [chartFile(figure), standaloneSvg(figure.svg)]),
  ])
}

/**
 * Writes the report into a new folder in `folder`, named for the plan (with a number where that name is taken: nothing is overwritten). The folder
 * appears when all of it is written. Answers with its path and its files; a Refusal where nothing can be written.
 */
export async function writeReport(
  input: ReportInput,
  folder: string,
): Promise<{ readonly path: string; readonly files: readonly string[] }> {
  const files = reportFiles(input)
  const target = freeFolder(folder, reportFolderName(input.detail.title))
  const sizeBytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  const made = await makeOutputFolder(target, randomUUID(), sizeBytes)
  try {
    await mkdir(join(made.temporary, 'charts'))
    for (const [place, text] of files) await writeOutputFile(join(made.temporary, place), text)
    await made.publish()
  } catch (error) {
    await made.discard()
    throw error
  }
  return { path: target, files: await readdir(target) }
}
