import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import type { Arm } from '../../../src-main/contract/plan.ts'
import type { PlanDetail } from '../../../src-main/contract/plan-run.ts'
import { buildReport } from '../../../src-main/report/build-document.ts'
import { shownInterval } from '../../../src-main/report/numbers.ts'
import { renderCsv, renderCsvFiles } from '../../../src-main/report/report-csv.ts'
import { escapeLatex, renderLatex } from '../../../src-main/report/report-latex.ts'
import { escapeMarkdown, renderMarkdown } from '../../../src-main/report/report-markdown.ts'
import { makePlanDetail, quickLookArms } from '../../helpers/plan-detail.ts'

const documentOf = (detail: PlanDetail) => buildReport({ detail, agreements: [], examples: [], contents: [] })
const rows = (text: string): string[][] => parse(text, { relax_column_count: false })

/** A plan whose names are made to break tables. */
function withHostileNames(name: string): PlanDetail {
  const detail = makePlanDetail({ arms: quickLookArms.map((arm): Arm => ({ ...arm, label: `${arm.id}${name}` })) })
  return { ...detail, cells: detail.cells.map((cell) => ({ ...cell, adapterName: `${name}${cell.arm}` })) }
}

test('markdown: every table has as many cells in each row as in its head, also with hostile names', () => {
  for (const detail of [makePlanDetail({ tasks: ['a', 'b'], budgets: [10, 100] }), withHostileNames('| a \n| b \\| `c` \\')]) {
    const text = renderMarkdown(documentOf(detail), { charts: false })
    const tables = text.split('\n\n').filter((part) => part.includes('\n| ---') || part.startsWith('|'))
    expect(tables.length).toBeGreaterThan(8)
    for (const table of tables) {
      const lines = table.split('\n').filter((line) => line.startsWith('|'))
      const counts = lines.map((line) => line.replaceAll(/\\./g, '').split('|').length)
      expect(new Set(counts).size, lines.slice(0, 3).join('\n')).toBe(1)
    }
  }
})

test('markdown: headline, numbers and sections are those of the page; drawings are linked only where they are written', () => {
  const detail = makePlanDetail()
  const document = documentOf(detail)
  const text = renderMarkdown(document, { charts: false })
  expect(text).toMatch(/^# Quick look\n/)
  expect(text).toContain('> **The outcome is undecided.**')
  for (const { title } of document.sections) expect(text).toContain(`## ${title}`)
  for (const { interval } of detail.comparisons[0]!.estimates) expect(text).toContain(`| ${shownInterval(interval, 'points')} |`)
  expect(text).not.toContain('](charts/')
  expect(renderMarkdown(document, { charts: true })).toContain('](charts/evidence.svg)')
})

test('markdown: nothing in a name is read as markup, a link, a mention or a list', () => {
  expect(escapeMarkdown('<b> & *a* _b_ [c](d) `e` # | ~ $')).toBe('&lt;b&gt; &amp; \\*a\\* \\_b\\_ \\[c\\](d) \\`e\\` \\# \\| \\~ \\$')
  expect(escapeMarkdown('https://example.org @somebody www.example.org')).toBe(
    'https:&#47;&#47;example.org &#64;somebody www&#46;example.org',
  )
  expect([escapeMarkdown('1. a'), escapeMarkdown('- a'), escapeMarkdown('a\r\n\n# b')]).toEqual(['1\\. a', '\\- a', 'a \\# b'])
  expect([escapeMarkdown('46.7 (40.1 to 53.2)'), escapeMarkdown('+1.8')]).toEqual(['46.7 (40.1 to 53.2)', '+1.8'])
})

test('csv: full precision, ids, and one row for each estimate, difference, cost and job', () => {
  const detail = makePlanDetail({ tasks: ['a', 'b'], budgets: [10, null] })
  const files = renderCsvFiles(detail)
  const [head, ...estimates] = rows(files.estimates)
  expect(head).toEqual(['budget', 'task', 'arm', 'value', 'low', 'high', 'examples', 'seeds'])
  expect(estimates).toHaveLength(2 * 3 * 7)
  const [first] = detail.comparisons[0]!.estimates
  expect(estimates[0]).toEqual([
    '10',
    'a',
    'base',
    ...[first!.interval.value, first!.interval.low, first!.interval.high].map(String),
    '200',
    '1',
  ])
  expect(estimates.at(-1)?.slice(0, 3)).toEqual(['all', '(mean)', 'retuned'])
  const differences = rows(files.differences)
  expect(differences).toHaveLength(1 + 2 * 3 * 6)
  expect(differences.at(-1)?.slice(7)).toEqual(['', '', String(detail.comparisons[1]!.comparisons.at(-1)!.detectable)])
  const costs = rows(files.costs)
  expect(costs[4]).toEqual([
    'tuned_own',
    'all',
    'cpu',
    '100',
    '20',
    '40000',
    '20',
    '50000',
    '12.5',
    '30000',
    '9',
    '6000',
    '1.5',
    '126000',
    '43',
    '36000',
    '10.5',
  ])
  expect(rows(files.cells)).toHaveLength(1 + detail.cells.length)
  expect(files.cells).toMatch(/^[^\n]*\r\n/)
})

test('csv: both tables in one text, estimates without an arm that they are compared with', () => {
  const all = rows(renderCsv(makePlanDetail()))
  expect(all).toHaveLength(1 + 7 + 6)
  expect(all[0]).toEqual(['budget', 'task', 'arm', 'to', 'value', 'low', 'high', 'examples', 'seeds', 'p_mcnemar', 'p_holm', 'detectable'])
  expect(all[1]?.slice(0, 4)).toEqual(['100', 'sentiment_stars', 'base', ''])
  expect(all[8]?.slice(0, 4)).toEqual(['100', 'sentiment_stars', 'own', 'base'])
})

test('csv: commas, quotes and line ends stay in their cell, and no name is a formula', () => {
  const { cells } = renderCsvFiles(withHostileNames('=HYPERLINK("x"),\r\n'))
  const read = rows(cells)
  expect(new Set(read.map((row) => row.length))).toEqual(new Set([11]))
  expect(read[1]?.[8]).toBe('\'=HYPERLINK("x"),\r\nown')
  expect(read.flat().filter((cell) => /^[=+@]/.test(cell))).toEqual([])
})

test('latex: booktabs tables with as many cells as columns, braces that balance, and every special character escaped', () => {
  expect(escapeLatex('50% of $x_1$ & #2 ^~ \\cmd{a} <b>')).toBe(
    '50\\% of \\$x\\_1\\$ \\& \\#2 \\textasciicircum{}\\textasciitilde{} \\textbackslash{}cmd\\{a\\} \\textless{}b\\textgreater{}',
  )
  expect(escapeLatex('−4.7 – 3·2')).toBe('$-$4.7 -- 3$\\cdot$2')
  const text = renderLatex(documentOf(withHostileNames('}\\end{tabular}%&_$\n%')))
  const tables = text.split('\n\n').filter((part) => part.startsWith('\\begin'))
  expect(tables.length).toBeGreaterThan(8)
  for (const table of tables) {
    expect(table).toMatch(/\\toprule[\s\S]*\\midrule[\s\S]*\\bottomrule/)
    expect(table.match(/\\begin\{/g)?.length).toBe(table.match(/(?<!\\)\\end\{/g)?.length)
    const rowsOf = table.split('\n').filter((line) => line.endsWith(' \\\\'))
    const counts = rowsOf.map((line) => line.replaceAll(/\\&/g, '').split('&').length)
    expect(new Set(counts).size).toBe(1)
    const bare = table.replaceAll(/\\[{}]/g, '')
    expect(bare.match(/\{/g)?.length).toBe(bare.match(/\}/g)?.length)
  }
})

test('latex: tables of more than 40 rows may break over pages', () => {
  const tasks = Array.from({ length: 62 }, (_, index) => `task_${index}`)
  const text = renderLatex(documentOf(makePlanDetail({ tasks })))
  expect(text).toContain('\\begin{longtable}')
  expect(text).toContain('task\\_61')
})
