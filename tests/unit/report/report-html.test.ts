import { expect, test } from 'vitest'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import type { Arm } from '../../../src-main/contract/plan.ts'
import type { PlanDetail } from '../../../src-main/contract/plan-run.ts'
import { buildReport } from '../../../src-main/report/build-document.ts'
import { standaloneSvg } from '../../../src-main/report/charts/chart-style.ts'
import { figuresOf } from '../../../src-main/report/document.ts'
import { shownChange, shownInterval } from '../../../src-main/report/numbers.ts'
import { renderHtml } from '../../../src-main/report/report-html.ts'
import { allOf, findAll, readMarkup } from '../../helpers/markup.ts'
import { makePlanDetail, quickLookArms } from '../../helpers/plan-detail.ts'

const pageOf = (detail: PlanDetail): string => renderHtml(buildReport({ detail, agreements: [], examples: [], contents: [] }))
const hostile = `<script>alert("1")</script> & 'quoted' </title>]]>`

test('the page names its verdict, every arm and every task, and its numbers are those of the results', () => {
  const detail = makePlanDetail({ tasks: ['sentiment', 'topic_desk'], budgets: [10, 100], seeds: [1, 2] })
  const text = readMarkup(pageOf(detail)).text
  expect(text).toContain(detail.comparisons[1]!.verdicts.at(-1)!.headline)
  for (const { label } of detail.file.arms) expect(text).toContain(label)
  for (const { title } of detail.tasksInfo) expect(text).toContain(title)
  for (const { estimates, comparisons } of detail.comparisons) {
    for (const { interval } of estimates) expect(text).toContain(shownInterval(interval, 'points'))
    for (const { interval } of comparisons) expect(text).toContain(shownChange(interval, 'points'))
  }
})

test('evidence, reference values and the sentence about cost stand in it', () => {
  const tables = findAll(readMarkup(pageOf(makePlanDetail())), 'table')
  const rowsOf = (caption: string): readonly (readonly string[])[] => {
    const table = tables.find((candidate) => findAll(candidate, 'caption')[0]?.text.startsWith(caption))
    return table ? findAll(table, 'tr').map(({ children }) => children.map(({ text }) => text)) : []
  }
  const evidence = rowsOf('Evidence of the verdict')
  expect(evidence.map(([, , , part]) => part)).toEqual(['Part in the verdict', '', '', 'decisive', '', '', '', ''])
  expect(evidence[3]).toEqual([
    'Tuned merge with my LoRA − Fresh LoRA',
    '−0.3 (−4.7 to 4.1)',
    'not decidable: the interval holds 0 and reaches the margin',
    'decisive',
  ])
  expect(rowsOf('Beside it, for reference').map(([, , study]) => study)).toEqual([
    "The study's average",
    ...['46.7', '65.7', '65.2', '67.5', '60.9', '67.2', 'not measured'],
  ])
  const costs = rowsOf('Cost of each arm')
  expect(costs[4]).toEqual([
    'Tuned merge with my LoRA',
    '100',
    '20',
    '40k · 20 s',
    '50k · 13 s',
    '30k · 9.0 s',
    '6k · 1.5 s',
    '126k · 43 s',
    '36k · 11 s',
  ])
  expect(readMarkup(pageOf(makePlanDetail())).text).toContain('Equal labels are not equal cost')
})

test('it asks for nothing from elsewhere: no script, no reference, and a policy that forbids both', () => {
  const page = pageOf(makePlanDetail({ tasks: ['a', 'b'], budgets: [10, 100] }))
  const elements = allOf(readMarkup(page))
  const policy = elements.find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy')
  expect(policy?.attributes['content']).toBe("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
  expect(elements.filter(({ name }) => ['script', 'link', 'iframe', 'img', 'object', 'embed', 'base', 'form'].includes(name))).toEqual([])
  expect(elements.flatMap(({ attributes }) => [attributes['src'] ?? [], attributes['xlink:href'] ?? []].flat())).toEqual([])
  expect(elements.flatMap(({ attributes }) => attributes['href'] ?? []).filter((target) => !target.startsWith('#'))).toEqual([])
  expect(elements.flatMap(({ attributes }) => Object.keys(attributes)).filter((key) => /^on/i.test(key))).toEqual([])
  expect(
    [...page.matchAll(/https?:\/\/[^"\s<]*/g)].map(([found]) => found).filter((found) => found !== 'http://www.w3.org/2000/svg'),
  ).toEqual([])
  expect(page).not.toMatch(/@import|url\(|@font-face/)
})

test('drawings have a role, a title and a table of the same numbers; places in the page are unique', () => {
  const page = readMarkup(pageOf(makePlanDetail({ tasks: ['a', 'b', 'c'], budgets: [10, 100] })))
  const figures = findAll(page, 'figure')
  expect(figures.length).toBeGreaterThan(10)
  for (const figure of figures) {
    const [svg] = findAll(figure, 'svg')
    expect(svg?.attributes['role']).toBe('img')
    const ids = new Set(allOf(svg!).flatMap(({ attributes }) => attributes['id'] ?? []))
    expect(ids).toContain(svg?.attributes['aria-labelledby'])
    expect(findAll(svg!, 'title')[0]?.text).not.toBe('')
    expect(findAll(figure, 'table')).toHaveLength(1)
    expect(findAll(figure, 'caption')[0]?.text).not.toBe('')
  }
  const ids = allOf(page).flatMap(({ attributes }) => attributes['id'] ?? [])
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  const targets = findAll(page, 'a').map(({ attributes }) => attributes['href']!.slice(1))
  expect(targets.filter((target) => !ids.includes(target))).toEqual([])
})

test('hostile names are words and nothing else', () => {
  const arms = quickLookArms.map((arm): Arm => ({ ...arm, label: `${arm.id} ${hostile}` }))
  const plain = makePlanDetail({ arms, tasks: [hostile] })
  const detail: PlanDetail = {
    ...plain,
    title: hostile,
    file: { ...plain.file, title: hostile, base: hostile, pool: [hostile] },
    baseName: hostile,
    provenance: { [hostile]: hostile },
    problems: [{ code: 'internal', severity: 'error', message: hostile }],
  }
  const page = pageOf(detail)
  const root = readMarkup(page)
  expect(findAll(root, 'script')).toEqual([])
  expect(page).not.toContain('<script')
  expect(findAll(root, 'title')[0]?.text).toContain(hostile)
  expect(root.text).toContain(`tuned ${hostile}`)
})

test('what is missing is said, and the rest is still there', () => {
  const whole = makePlanDetail()
  const nothing: PlanDetail = {
    ...whole,
    comparisons: [],
    curves: [],
    costs: [],
    cells: [],
    tasksInfo: [],
    provenance: {},
    done: 0,
    headline: null,
  }
  expect(readMarkup(pageOf(nothing)).text).toContain('There is no verdict: 0 of 7 jobs are done.')
  const oneArm = makePlanDetail({ arms: [quickLookArms[0]!] })
  expect(readMarkup(pageOf(oneArm)).text).toContain('46.7 (39.8 to 53.6)')
  expect(readMarkup(pageOf(oneArm)).text).toContain('There is nothing to compare')
  const flat = { value: 1, low: 1, high: 1 }
  const saturated: PlanDetail = {
    ...whole,
    comparisons: whole.comparisons.map((entry) => ({ ...entry, estimates: entry.estimates.map((one) => ({ ...one, interval: flat })) })),
  }
  expect(readMarkup(pageOf(saturated)).text).toContain('100.0 (100.0 to 100.0)')
  expect(readMarkup(pageOf(saturated)).text).toContain('Every test example came out alike somewhere (Base model, ')
})

test('62 tasks and 12 arms give one map and folded tables, not 62 drawings', () => {
  const tasks = Array.from({ length: 62 }, (_, index) => `task_${index}`)
  const detail = makePlanDetail({ tasks, arms: planPresets[1]!.plan.arms.slice(0, 12), seeds: [1, 2, 3] })
  const root = readMarkup(pageOf(detail))
  expect(findAll(root, 'figure').length).toBeLessThan(8)
  const map = findAll(root, 'svg').find((svg) => findAll(svg, 'title')[0]?.text.startsWith('Value by task and arm'))
  expect(findAll(map!, 'rect')).toHaveLength(62 * 12)
  for (const { title } of detail.tasksInfo) expect(root.text).toContain(title)
})

test('a drawing is a well-formed file of its own with its own colours', () => {
  for (const { svg } of figuresOf(buildReport({ detail: makePlanDetail(), agreements: [], examples: [], contents: [] }))) {
    const file = standaloneSvg(svg)
    const [root] = findAll(readMarkup(file), 'svg')
    expect(root?.attributes['xmlns']).toBe('http://www.w3.org/2000/svg')
    expect(findAll(root!, 'style')[0]?.text).toContain('prefers-color-scheme: dark')
    const used = [...file.matchAll(/var\((--\w+)\)/g)].map(([, name]) => name!)
    expect([...new Set(used)].filter((name) => !file.includes(`${name}: #`))).toEqual([])
  }
})

test('examples and adapters of merges are shown, and their words are as harmless as names', () => {
  const place = { task: 'sentiment_stars', budget: 100, seed: 1 } as const
  const byArm = [
    { arm: 'own', prediction: hostile, value: 1 },
    { arm: 'base', prediction: null, value: 0 },
    { arm: 'tuned', prediction: hostile, value: 0 },
  ]
  const document = buildReport({
    detail: makePlanDetail(),
    agreements: [
      { ...place, agreement: { arms: ['own', 'base'], n: 2, right: [2, 1], both: [[2, 1], [1, 1]], onlyRow: [[0, 1], [0, 0]] } }, // prettier-ignore
    ],
    examples: [{ ...place, arms: [{ arm: 'own', total: 4, rows: [{ exampleId: 'e', prompt: `${hostile} ${'long '.repeat(100)}`, answer: hostile, byArm }] }] }], // prettier-ignore
    contents: [{ ...place, merges: [{ arm: 'tuned', adapters: [{ name: hostile, share: 0.25 }, { name: 'other', share: null }] }] }], // prettier-ignore
  })
  const root = readMarkup(renderHtml(document))
  expect(findAll(root, 'script')).toEqual([])
  const cells = findAll(root, 'tr').map(({ children }) => children.map(({ text }) => text))
  const example = cells.find(([first]) => first === 'Fresh LoRA (1 of 4)')
  expect(example?.[1]).toMatch(/^<script>alert.*…$/)
  expect([...example![1]!].length).toBeLessThanOrEqual(240)
  expect(example?.slice(2)).toEqual([hostile, `no answer: Base model; ${hostile}: Tuned merge`])
  expect(cells).toContainEqual([hostile, '25.0'])
  expect(cells).toContainEqual(['other', '–'])
  expect(cells).toContainEqual(['Fresh LoRA', '2', '–', '1'])
})
