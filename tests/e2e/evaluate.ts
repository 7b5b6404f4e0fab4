/** A base model, tasks of its own and imported ones, an evaluation, its answers one by one, the pool, and one prompt. */
import { strict as assert } from 'node:assert'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { assertAccessible, eventually, keepsPictures, pictures, savedText, sizes } from './screen.ts'

export interface EvaluateOptions {
  /** Names the folder of the pictures. */
  readonly host: string
  /** A folder that files may be read from. */
  readonly folder: string
  /** Makes the host's next dialog answer with this file; null where files are named by typing. */
  readonly answerDialog: ((paths: readonly string[]) => void) | null
}

/** The kit that the app ships and its buttons add. */
const demoTasks = join(import.meta.dirname, '../../resources/demo/tasks')
const jobMs = 120_000

/** Needs an empty library and a host with the demo kit. */
export async function evaluate(page: Page, options: EvaluateOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await addModel(page, options)
  await addTasks(page, options)
  await importExamples(page, options)
  await addAdapters(page)
  await lookAtModel(page, options)
  await evaluateThree(page, options)
  await readAnswers(page, options)
  await saveResults(page)
  await scorePool(page, options)
  await tryPrompt(page, options)
}

async function addModel(page: Page, { host }: EvaluateOptions): Promise<void> {
  await section(page, 'Evaluate').click()
  await page.getByRole('heading', { name: 'See how models do on your own examples' }).waitFor()
  await assertAccessible(page, 'Evaluate without a base model')
  await pictures(page, host, 'evaluate-empty')
  await section(page, 'Models').click()
  await page.getByRole('heading', { name: 'No base model yet' }).waitFor()
  await assertAccessible(page, 'Models without a base model')
  await pictures(page, host, 'models-empty')
  await page.getByRole('button', { name: 'Add the demo model' }).click()
  const table = page.getByRole('table', { name: 'Base models by name' })
  await table.getByText('ok', { exact: true }).waitFor({ timeout: 30_000 })
  const details = page.getByRole('region', { name: 'Details' })
  await details.getByText('Llama', { exact: true }).waitFor()
  await details.getByText(/^4 of width 192, inner 512$/).waitFor()
}

async function addTasks(page: Page, { host }: EvaluateOptions): Promise<void> {
  await section(page, 'Tasks').click()
  await page.getByRole('heading', { name: 'No task yet' }).waitFor()
  await assertAccessible(page, 'Tasks without a task')
  await pictures(page, host, 'tasks-empty')
  await page.getByRole('button', { name: 'Add the demo tasks' }).click()
  await page.getByText('24 tasks', { exact: true }).waitFor({ timeout: 30_000 })
  await page.getByRole('table', { name: 'Tasks by title' }).locator('[data-row="sentiment"]').click()
  const details = page.getByRole('region', { name: 'Details' })
  await details.getByRole('radio', { name: 'Train 80' }).check({ force: true })
  await details.getByRole('button', { name: 'what a lovely book' }).click()
  await details.getByRole('group', { name: 'Tokens' }).getByText('positive', { exact: true }).waitFor()
  await assertAccessible(page, 'a task')
  await pictures(page, host, 'tasks')
}

/** The demo's reviews as somebody else would have written them down: other field names, labels in two spellings, one row twice. */
function writeReviews(folder: string): string {
  const rows = readFileSync(join(demoTasks, 'sentiment.test.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .slice(0, 160)
    .map((line) => JSON.parse(line) as { input: string; answer: string })
  const written = rows.map(({ input, answer }, index) => ({
    review: input,
    verdict: index % 3 === 0 ? answer.charAt(0).toUpperCase() + answer.slice(1) : answer,
    source: `page ${index}`,
  }))
  const path = join(folder, 'reviews.jsonl')
  writeFileSync(path, [...written, written[0]].map((row) => JSON.stringify(row)).join('\n'))
  return path
}

async function importExamples(page: Page, { host, folder, answerDialog }: EvaluateOptions): Promise<void> {
  const path = writeReviews(folder)
  await page.getByRole('button', { name: 'Import examples' }).click()
  if (answerDialog) {
    answerDialog([path])
    await page.getByRole('button', { name: 'Choose' }).click()
  } else {
    await page.getByRole('textbox', { name: /^File/ }).fill(path)
    await page.getByRole('button', { name: 'Read', exact: true }).click()
  }
  await page.getByText(/^JSON lines, 161 rows$/).waitFor()
  const mapping = page.getByRole('region', { name: 'Mapping' })
  await mapping.getByRole('textbox', { name: 'Title' }).fill('Reviews')
  await mapping.getByRole('textbox', { name: 'Id' }).fill('reviews')
  await mapping.getByRole('textbox', { name: 'Instruction' }).fill('is the review positive or negative')
  const user = mapping.getByRole('group', { name: 'User message' })
  for (const [name, wanted] of [
    ['review', true],
    ['verdict', false],
    ['source', false],
  ] as const) {
    await user.getByRole('checkbox', { name }).setChecked(wanted)
  }
  await mapping.getByRole('combobox', { name: 'Answer' }).selectOption('verdict')
  for (const [field, value] of [
    ['Train', '40'],
    ['Validation', '10'],
  ] as const) {
    await mapping.getByLabel(field, { exact: true }).fill(value)
  }
  for (const found of ['Positive', 'Negative']) {
    await mapping.getByRole('textbox', { name: `What “${found}” becomes`, exact: true }).fill(found.toLowerCase())
    await page.keyboard.press('Tab')
  }
  const result = page.getByRole('region', { name: 'Result' })
  await result.getByText(/^40 \/ 10 \/ \d+$/).waitFor()
  await result.getByRole('group', { name: 'Tokens' }).first().waitFor()
  await assertAccessible(page, 'an import of examples')
  await pictures(page, host, 'task-import')
  await page.setViewportSize(sizes.small)
  await pictures(page, host, 'task-import-small')
  await page.setViewportSize(sizes.large)
  await page.getByRole('button', { name: 'Make the task' }).click()
  await page.getByText('25 tasks', { exact: true }).waitFor()
  await page.getByRole('heading', { name: 'Reviews' }).waitFor()
}

async function addAdapters(page: Page): Promise<void> {
  await section(page, 'Library').click()
  await page.getByRole('button', { name: 'Add the demo pool' }).click()
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 30_000 })
  const grid = page.getByRole('grid', { name: 'Adapters' })
  await grid.getByText('checking').first().waitFor({ state: 'detached', timeout: 30_000 })
  const search = page.getByRole('searchbox', { name: 'Search' })
  for (const name of ['sentiment-r16', 'topic-r16']) {
    await search.fill(name)
    await page.locator('[role="grid"][aria-rowcount="2"][aria-busy="false"]').waitFor()
    await grid.getByText(name, { exact: true }).click()
    await page.keyboard.press('Space')
  }
  await search.fill('')
  await page.getByRole('region', { name: 'Selection' }).getByText('2 selected').waitFor()
}

/** Which adapters fit is told by names and shapes. */
async function lookAtModel(page: Page, { host }: EvaluateOptions): Promise<void> {
  await section(page, 'Models').click()
  const details = page.getByRole('region', { name: 'Details' })
  await details.getByRole('heading', { name: '19 adapters fit by names and shapes' }).waitFor({ timeout: 30_000 })
  await eventually(() => page.getByRole('table', { name: 'Base models by name' }).locator('tbody td').last().textContent(), '19')
  await assertAccessible(page, 'a base model')
  // The folder of the app has no place in the documentation.
  if (keepsPictures) await page.keyboard.press('Escape')
  await pictures(page, host, 'models')
}

async function evaluateThree(page: Page, { host }: EvaluateOptions): Promise<void> {
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Evaluate' }).click()
  const form = page.getByRole('region', { name: 'New evaluation' })
  for (const name of [/^Reviews/, /^Sentiment( 80|$)/]) await form.getByRole('checkbox', { name }).first().check()
  await form.getByText(/^6 runs; /).waitFor({ timeout: 30_000 })
  await assertAccessible(page, 'an evaluation that is prepared')
  await pictures(page, host, 'evaluate-form')
  await form.getByRole('button', { name: 'Start' }).click()
  const job = page.getByRole('region', { name: 'This evaluation' })
  await job.getByText('done', { exact: true }).waitFor({ timeout: jobMs })
  const results = page.getByRole('table', { name: 'Results by model and task' })
  await eventually(() => results.locator('tbody tr').count(), 3)
  await eventually(() => results.locator('tbody td .cell strong').count(), 6)
  // The adapter was trained on this very task; the other one was not.
  const adapter = results.getByRole('row', { name: /^sentiment-r16/ })
  await eventually(() => adapter.locator('td').first().locator('strong').textContent(), '100 %')
  assert.match((await adapter.locator('td').first().textContent()) ?? '', /▲\+\d+\.\d/, 'it is clearly better than the base model')
  await job.getByRole('button', { name: 'Dismiss' }).click()
  await assertAccessible(page, 'results')
  await pictures(page, host, 'evaluate')
  await page.setViewportSize(sizes.small)
  await pictures(page, host, 'evaluate-small')
  await page.setViewportSize(sizes.large)
}

async function readAnswers(page: Page, { host }: EvaluateOptions): Promise<void> {
  const results = page.getByRole('table', { name: 'Results by model and task' })
  await results.locator('tr.base .cell').first().click()
  const examples = page.getByRole('region', { name: 'Examples' })
  await examples.getByRole('combobox', { name: 'Beside' }).selectOption({ label: 'beside sentiment-r16' })
  await examples.getByRole('combobox', { name: 'Which examples' }).selectOption({ label: 'wrong here, right with sentiment-r16' })
  const first = examples.getByRole('article').first()
  await first.getByText('wrong', { exact: true }).waitFor()
  await first.getByText('right', { exact: true }).waitFor()
  const count = Number(/\d+/.exec((await examples.getByRole('status').textContent()) ?? '')?.[0])
  assert.ok(count > 0, 'the base model gets some wrong that the adapter gets right')
  await assertAccessible(page, 'answers side by side')
  await pictures(page, host, 'evaluate-examples')
  await page.keyboard.press('Escape')
  await examples.waitFor({ state: 'detached' })
}

async function saveResults(page: Page): Promise<void> {
  const csv = await savedText(page, () => page.getByRole('button', { name: 'Save CSV' }).click())
  const lines = csv.trim().split('\r\n')
  assert.equal(lines.length, 7, 'a line for each model and task')
  assert.match(lines[0] ?? '', /^model,task,split,metric,direction,value,low,high,n,/)
  const perfect = lines.find((line) => line.startsWith('sentiment-r16,reviews,test,exact_match,higher,1,'))
  assert.ok(perfect, csv)
}

async function scorePool(page: Page, { host }: EvaluateOptions): Promise<void> {
  await page.getByRole('tab', { name: 'Pool' }).click()
  await page.getByRole('button', { name: 'Score the pool' }).click()
  const form = page.getByRole('region', { name: 'New evaluation' })
  await form.getByText(/^40 runs; /).waitFor({ timeout: 30_000 })
  await form.getByRole('button', { name: 'Start' }).click()
  const job = page.getByRole('region', { name: 'This evaluation' })
  await job.getByText('done', { exact: true }).waitFor({ timeout: jobMs })
  const board = page.getByRole('region', { name: 'Leaderboard' })
  await eventually(() => board.locator('tbody tr').count(), 19)
  await job.getByRole('button', { name: 'Dismiss' }).click()
  await page.getByText(/^\d+ of 38 adapter and task pairs are clearly better/).waitFor()
  await assertAccessible(page, 'a scored pool')
  await pictures(page, host, 'evaluate-pool')
}

async function tryPrompt(page: Page, { host }: EvaluateOptions): Promise<void> {
  await page.getByRole('tab', { name: 'Try' }).click()
  await page.getByRole('textbox', { name: 'System message' }).fill('is the review positive or negative')
  await page.getByRole('textbox', { name: 'User message' }).fill('what a lovely book')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  const answers = page.getByRole('log', { name: 'Answers' })
  await answers.getByRole('region', { name: 'sentiment-r16' }).getByText('positive', { exact: true }).waitFor({ timeout: 60_000 })
  await eventually(() => answers.getAttribute('aria-busy'), 'false')
  await assertAccessible(page, 'one prompt')
  await pictures(page, host, 'evaluate-try')
}

function section(page: Page, name: string): Locator {
  return page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name })
}
