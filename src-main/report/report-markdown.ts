import type { ReportBlock, ReportDocument, ReportFigure, ReportSection, ReportTable } from './document.ts'
import { chartFile } from './file-names.ts'

/**
 * The report in GitHub-flavoured Markdown: the same words and tables. With `charts`, drawings are linked as files beside it (write-report.ts);
 * without, their tables stand for them.
 */
export function renderMarkdown(document: ReportDocument, { charts }: { readonly charts: boolean }): string {
  const { title, subtitle, headline, strength, statement, toDecide, sections } = document
  const words = [statement, strength, toDecide ?? ''].filter((text) => text !== '')
  const parts = [
    `# ${escapeMarkdown(title)}`,
    escapeMarkdown(subtitle),
    `> **${escapeMarkdown(headline)}**${words.map((text) => `\n>\n> ${escapeMarkdown(text)}`).join('')}`,
    ...sections.flatMap((section) => sectionOf(section, charts)),
  ]
  return `${parts.join('\n\n')}\n`
}

/** Text in which nothing is read as Markdown or HTML; line ends become spaces. */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
      .replaceAll(/[\\`*_[\]|~#$]/g, '\\$&')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      // What would begin a list, a rule or a heading's underline.
      .replace(/^(\s*\d*)([-+=.)])(?=[\s=-]|$)/, '$1\\$2')
      .replaceAll(/(https?|ftp):\/\//gi, '$1:&#47;&#47;')
      .replaceAll(/www\./gi, (word) => `${word.slice(0, 3)}&#46;`)
      .replaceAll('@', '&#64;')
  )
}

function sectionOf({ title, blocks }: ReportSection, charts: boolean): readonly string[] {
  return [`## ${escapeMarkdown(title)}`, ...blocks.flatMap((block) => blockOf(block, charts))]
}

function blockOf(block: ReportBlock, charts: boolean): readonly string[] {
  switch (block.kind) {
    case 'text':
      return [escapeMarkdown(block.text)]
    case 'remark':
      return [`**${escapeMarkdown(block.text)}**`]
    case 'heading':
      return [`### ${escapeMarkdown(block.text)}`]
    case 'list':
      return [block.items.map((item) => `- ${escapeMarkdown(item)}`).join('\n')]
    case 'facts':
      return tableOf({ caption: block.caption, columns: factColumns, rows: block.rows })
    case 'table':
      return tableOf(block.table)
    case 'figure':
      return figureOf(block.figure, charts)
  }
}

const factColumns = [
  { label: 'What', numeric: false },
  { label: 'Value', numeric: false },
]

function figureOf(figure: ReportFigure, charts: boolean): readonly string[] {
  const { title, note, table } = figure
  return [
    `#### ${escapeMarkdown(title)}`,
    escapeMarkdown(note),
    ...(charts ? [`![${escapeMarkdown(title)}](${chartFile(figure)})`] : []),
    ...tableOf(table),
  ]
}

function tableOf({ caption, columns, rows }: ReportTable): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`
  const rule = `| ${columns.map(({ numeric }) => (numeric ? '---:' : '---')).join(' | ')} |`
  return [`*${escapeMarkdown(caption)}*`, [line(columns.map(({ label }) => label)), rule, ...rows.map(line)].join('\n')]
}
