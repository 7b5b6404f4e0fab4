/** On a task of the demo kit: a fresh LoRA, the pool tuned with a preset, stopped and kept, a search with a promoted trial, a control, and all of them evaluated. */
import { strict as assert } from 'node:assert'
import type { Locator, Page } from 'playwright-core'
import { assertAccessible, eventually, pictures, sizes } from './screen.ts'

export interface AdaptOptions {
  /** Names the folder of the pictures. */
  readonly host: string
}

const jobMs = 180_000
const task = 'Sentiment stars'

/** Needs an empty library and a host with the demo kit. */
export async function adapt(page: Page, { host }: AdaptOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await begin(page, host)
  await train(page, host)
  await tune(page, host)
  await stopAndKeep(page)
  await search(page, host)
  await control(page)
  await evaluateOnTest(page, host)
}

async function begin(page: Page, host: string): Promise<void> {
  await section(page, 'Adapt').click()
  await page.getByRole('heading', { name: 'Fit adapters to a task of your own' }).waitFor()
  await assertAccessible(page, 'Adapt without a base model')
  await pictures(page, host, 'adapt-empty')
  await page.getByRole('button', { name: 'Add the demo model' }).click()
  await page.getByRole('button', { name: 'Add the demo tasks' }).click({ timeout: 30_000 })
  await section(page, 'Library').click()
  await page.getByRole('button', { name: 'Add the demo pool' }).click()
  await page.getByText('19 adapters').first().waitFor({ timeout: 60_000 })
  await section(page, 'Adapt').click()
  await form(page).getByLabel('Task').selectOption({ label: task })
}

async function train(page: Page, host: string): Promise<void> {
  await form(page).getByRole('radio', { name: 'Train', exact: true }).check()
  await setNumber(page, 'Steps', 40)
  await form(page)
    .getByText(/^A fresh LoRA|^Trains/)
    .first()
    .waitFor()
  await assertAccessible(page, 'Adapt with a form')
  await pictures(page, host, 'adapt-form')
  await start(page)
  await page.getByRole('heading', { name: `LoRA, small model on ${task}` }).waitFor()
  await done(page)
  await page.getByRole('button', { name: 'Show the adapter' }).waitFor()
  await assertAccessible(page, 'Adapt after training')
  await pictures(page, host, 'adapt-trained')
}

async function tune(page: Page, host: string): Promise<void> {
  await form(page).getByRole('radio', { name: 'Merge and tune', exact: true }).check()
  await form(page).getByLabel('Preset').selectOption({ label: 'Recycling (2026), K = 10' })
  await setNumber(page, 'Steps', 30)
  await start(page)
  await page.getByRole('heading', { name: `Recycling (2026), K = 10 on ${task}` }).waitFor()
  await done(page)
  await page.getByText(/^Chosen adapters/).waitFor()
  const curve = page.getByRole('figure').filter({ hasText: 'Mean negative log-likelihood' })
  await curve.getByRole('img', { name: /^Step 0: validation loss .*nothing changed yet/ }).waitFor()
  const coefficients = page.getByRole('figure').filter({ hasText: 'Coefficient of each adapter' })
  await coefficients.getByRole('img').first().waitFor()
  await assertAccessible(page, 'Adapt after tuning')
  await pictures(page, host, 'adapt-tuned')
}

async function stopAndKeep(page: Page): Promise<void> {
  await setNumber(page, 'Steps', 100_000)
  await start(page)
  const keep = page.getByRole('button', { name: 'Stop and keep the best' })
  await keep.waitFor({ timeout: jobMs })
  await page
    .getByRole('img', { name: /^Step (10|20|30): / })
    .first()
    .waitFor({ timeout: 60_000 })
  await keep.click()
  await done(page)
  await page.getByText('was kept', { exact: false }).waitFor()
}

async function search(page: Page, host: string): Promise<void> {
  await form(page).getByRole('radio', { name: 'Search', exact: true }).check()
  await form(page).getByLabel('Preset').selectOption({ label: 'LoraHub, exact products' })
  await setNumber(page, 'Adapters (K)', 3)
  await setNumber(page, 'Trials', 12)
  await start(page)
  await page.getByRole('heading', { name: `LoraHub, exact products on ${task}` }).waitFor()
  await done(page)
  const trials = page.getByRole('region', { name: 'Trials, best first' })
  assert.equal(await trials.locator('tbody tr').count(), 12)
  await trials.getByRole('button', { name: 'Make an adapter of it' }).first().click()
  await trials.getByRole('button', { name: 'show' }).nth(1).waitFor({ timeout: jobMs })
  await assertAccessible(page, 'Adapt after a search')
  await pictures(page, host, 'adapt-searched')
}

async function control(page: Page): Promise<void> {
  await form(page).getByRole('radio', { name: 'Control', exact: true }).check()
  await form(page).getByRole('combobox', { name: 'Control', exact: true }).selectOption({ label: 'Coefficients times 0' })
  await form(page).getByLabel('Everything else as in').selectOption({ label: 'Recycling (2026), K = 10' })
  await start(page)
  await page.getByRole('heading', { name: `Coefficients times 0 on ${task}` }).waitFor()
  await done(page)
  await page.getByText(/^(\d+) of \1 answers equal/).waitFor()
}

async function evaluateOnTest(page: Page, host: string): Promise<void> {
  await page.getByRole('button', { name: 'Back to everything that was adapted' }).click()
  const list = page.getByRole('table', { name: 'Adaptations, newest first' })
  await list.waitFor()
  await assertAccessible(page, 'Adapt with a list')
  await pictures(page, host, 'adapt-list')
  await list.getByRole('button', { name: 'LoRA, small model' }).click()
  await page.getByRole('button', { name: 'Evaluate on the test examples' }).click()
  await page.getByRole('tab', { name: 'Results' }).waitFor()
  const job = page.getByRole('region', { name: 'This evaluation' })
  await job.getByText('done', { exact: true }).waitFor({ timeout: jobMs })
  await page
    .getByRole('table', { name: /Results/ })
    .getByText(/%/)
    .first()
    .waitFor()
}

async function start(page: Page): Promise<void> {
  const button = form(page).getByRole('button', { name: /^Start/ })
  await eventually(() => button.isEnabled(), true)
  await button.click()
}

async function done(page: Page): Promise<void> {
  await page.locator('header').getByText('done', { exact: true }).waitFor({ timeout: jobMs })
}

async function setNumber(page: Page, label: string, value: number): Promise<void> {
  const field = form(page).getByLabel(label, { exact: true })
  await field.fill(String(value))
  await field.press('Tab')
}

const form = (page: Page): Locator => page.getByRole('region', { name: 'What to do' })
const section = (page: Page, name: string): Locator => page.getByRole('navigation').getByRole('button', { name, exact: true })
