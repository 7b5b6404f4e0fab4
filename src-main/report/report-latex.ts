import type { ReportColumn, ReportDocument, ReportTable } from './document.ts'

/** Above so many rows a table is one that may break over pages. */
const longFrom = 40

/**
 * Every table of the report for LaTeX, to be read in by \input: booktabs rules, captions and labels; long ones as longtable. The verdict stands above
 * them as a comment.
 */
export function renderLatex(document: ReportDocument): string {
  const tables = document.sections.flatMap(({ id, blocks }) =>
    blocks.flatMap((block, index) => {
      if (block.kind === 'facts')
        return [{ label: `${id}-${index + 1}`, table: { caption: block.caption, columns: factColumns, rows: block.rows } }]
      if (block.kind === 'table') return [{ label: `${id}-${index + 1}`, table: block.table }]
      return block.kind === 'figure' ? [{ label: block.figure.id, table: block.figure.table }] : []
    }),
  )
  const head = [
    'Needs \\usepackage{booktabs}, \\usepackage{longtable} and \\usepackage{array}.',
    ...[document.title, document.headline, document.statement, document.strength].filter((text) => text !== ''),
  ]
  return `${head.map(comment).join('\n')}\n\n${tables.map(({ label, table }) => tableOf(label, table)).join('\n\n')}\n`
}

const special: Readonly<Record<string, string>> = {
  ...{ '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', $: '\\$', '&': '\\&', '#': '\\#', '%': '\\%', _: '\\_' },
  ...{ '^': '\\textasciicircum{}', '~': '\\textasciitilde{}', '<': '\\textless{}', '>': '\\textgreater{}', '|': '\\textbar{}' },
  ...{ '"': '\\textquotedbl{}', "'": '\\textquotesingle{}', '`': '\\textasciigrave{}', '[': '{[}', ']': '{]}' },
  ...{ '\u2212': '$-$', '\u2013': '--', '\u00b7': '$\\cdot$', '\u00d7': '$\\times$', '\u221a': '$\\surd$', '\u2026': '\\ldots{}' },
}

/** Text in which nothing is read as a command of LaTeX; line ends and control characters become spaces. */
export function escapeLatex(text: string): string {
  return [...text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ')].map((letter) => special[letter] ?? letter).join('') // prettier-ignore
}

const factColumns: readonly ReportColumn[] = [
  { label: 'What', numeric: false },
  { label: 'Value', numeric: false },
]

function tableOf(label: string, { caption, columns, rows }: ReportTable): string {
  const line = (cells: readonly string[]): string => `${cells.map(escapeLatex).join(' & ')} \\\\`
  const layout = columns
    .map((column) => (column.numeric ? 'r' : rows.some((row) => isLong(row, columns.indexOf(column))) ? 'p{0.3\\linewidth}' : 'l'))
    .join('')
  const head = line(columns.map((column) => column.label))
  const named = `\\caption{${escapeLatex(caption)}}\\label{tab:${label}}`
  const body = rows.map(line)
  if (rows.length > longFrom) {
    return [
      ...['\\begingroup\\footnotesize', `\\begin{longtable}{${layout}}`, `${named}\\\\`, '\\toprule', head, '\\midrule', '\\endfirsthead'],
      ...['\\toprule', head, '\\midrule', '\\endhead', '\\bottomrule', '\\endfoot', ...body, '\\end{longtable}', '\\endgroup'],
    ].join('\n')
  }
  return [
    ...['\\begin{table}[htbp]', '\\centering\\footnotesize', named, `\\begin{tabular}{${layout}}`, '\\toprule', head, '\\midrule'],
    ...[...body, '\\bottomrule', '\\end{tabular}', '\\end{table}'],
  ].join('\n')
}

function isLong(row: readonly string[], column: number): boolean {
  return (row[column] ?? '').length > 40
}

function comment(text: string): string {
  return `% ${text.replaceAll(/[\r\n\u2028\u2029]+/g, ' ')}`
}
