/** A table as every form of the report shows it: finished words, plain text without markup. */
export interface ReportTable {
  readonly caption: string
  readonly columns: readonly ReportColumn[]
  readonly rows: readonly (readonly string[])[]
}

export interface ReportColumn {
  readonly label: string
  /** Numbers are set to the right. */
  readonly numeric: boolean
}

/** A drawing with the table of the same numbers. */
export interface ReportFigure {
  /** Small letters, digits and "-": names its file and its places in the page. */
  readonly id: string
  /** The question that it answers. */
  readonly title: string
  /** What is drawn: units, kind of interval, what the marks mean. */
  readonly note: string
  /** A whole <svg> element (charts/svg.ts); its colours are CSS variables of charts/chart-style.ts. */
  readonly svg: string
  readonly table: ReportTable
  /** Whether the table is read as often as the drawing, and is shown beside it without being asked for. */
  readonly tableFirst: boolean
}

/** One piece of a section. Alternatives are few on purpose: each form of the report draws all of them. */
export type ReportBlock =
  | { readonly kind: 'text'; readonly text: string }
  /** A sentence that must not be overlooked. */
  | { readonly kind: 'remark'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'facts'; readonly caption: string; readonly rows: readonly (readonly [string, string])[] }
  /** `folded`: shown when asked for, where the form can do that. */
  | { readonly kind: 'table'; readonly table: ReportTable; readonly folded: boolean }
  | { readonly kind: 'figure'; readonly figure: ReportFigure }
  | { readonly kind: 'heading'; readonly text: string }

export interface ReportSection {
  /** Small letters, digits and "-", unique in the report. */
  readonly id: string
  readonly title: string
  readonly blocks: readonly ReportBlock[]
}

/** The whole report before it takes a form: HTML, Markdown and LaTeX say the same because they are drawn from this. */
export interface ReportDocument {
  readonly title: string
  /** Where it comes from, in one line. */
  readonly subtitle: string
  /** The verdict's sentence, or why there is none. */
  readonly headline: string
  readonly strength: string
  /** The measured arms in one line. */
  readonly statement: string
  readonly toDecide: string | null
  readonly sections: readonly ReportSection[]
}

/** A table block. */
export function tableBlock(table: ReportTable, folded = false): ReportBlock {
  return { kind: 'table', table, folded }
}

/** A figure block. */
export function figureBlock(figure: ReportFigure): ReportBlock {
  return { kind: 'figure', figure }
}

/** Columns by their labels; those that begin with "#" are numeric. */
export function columnsOf(...labels: readonly string[]): readonly ReportColumn[] {
  return labels.map((label) => (label.startsWith('#') ? { label: label.slice(1), numeric: true } : { label, numeric: false }))
}

/** Figures of a document, in reading order. */
export function figuresOf({ sections }: ReportDocument): readonly ReportFigure[] {
  return sections.flatMap(({ blocks }) => blocks.flatMap((block) => (block.kind === 'figure' ? [block.figure] : [])))
}
