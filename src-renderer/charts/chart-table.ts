export interface ChartColumn {
  readonly label: string
  /** Right-aligned and set as a number. */
  readonly numeric: boolean
  /** How its numbers are written on screen, where that differs from the chart's own way. */
  readonly format?: (value: number) => string
}

/** The numbers of a chart as a table: what "show as table", copy and CSV read. */
export interface ChartTable {
  readonly columns: readonly ChartColumn[]
  /** Cells as raw values: numbers keep their full precision. */
  readonly rows: readonly (readonly (string | number | null)[])[]
}

/** RFC 4180 text with CRLF line ends; numbers in full precision, unknown ones empty. */
export function csvText(table: ChartTable): string {
  return [table.columns.map((column) => column.label), ...table.rows].map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n'
}

/** Tab-separated text, as spreadsheets take it from the clipboard. */
export function tabbedText(table: ChartTable): string {
  return [table.columns.map((column) => column.label), ...table.rows]
    .map((row) => row.map((cell) => String(cell ?? '').replaceAll(/[\t\r\n]+/g, ' ')).join('\t'))
    .join('\n')
}

function csvCell(cell: string | number | null): string {
  const text = String(cell ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
