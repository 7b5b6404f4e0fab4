/** The whole way of a newcomer: the first steps through the demo, the quick look on a task, its verdict, an example that one arm alone gets right, and the report without a network. */
import { strict as assert } from 'node:assert'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type Locator, type Page } from 'playwright-core'
import { chromiumFlags, findChromium } from './chromium.ts'
import { assertAccessible, eventually, pictures, sizes } from './screen.ts'

export interface CompareOptions {
  /** Names the folder of the pictures. */
  readonly host: string
}

const planMs = 300_000
const task = 'Smaller'

/** Needs an empty library and a host with the demo kit. */
export async function compare(page: Page, { host }: CompareOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await firstSteps(page, host)
  await quickLook(page, host)
  const headline = await verdict(page, host)
  await examples(page, host)
  const folder = await report(page)
  await readWithoutNetwork(folder, headline, host)
  await runs(page, host, headline)
  await endOfGuide(page)
}

async function firstSteps(page: Page, host: string): Promise<void> {
  await section(page, 'Compare').click()
  await page.getByRole('heading', { name: 'Is recycling worth it here?' }).waitFor()
  await assertAccessible(page, 'Compare without anything')
  await pictures(page, host, 'compare-empty')
  await step(page, 'Get adapters').click()
  await page.getByText('19 adapters').first().waitFor({ timeout: 60_000 })
  await step(page, 'Get model, tasks').click()
  await page.getByText(task, { exact: true }).first().waitFor({ timeout: 60_000 })
  await step(page, 'Run quick look').click()
}

async function quickLook(page: Page, host: string): Promise<void> {
  const form = page.getByRole('complementary', { name: 'What to compare' }).or(page.getByRole('region', { name: 'What to compare' }))
  await form.getByLabel('Search tasks').fill(task)
  await form.getByRole('checkbox', { name: task }).check()
  const run = page.getByRole('button', { name: /^Run/ }).and(page.locator('footer button'))
  await eventually(() => run.isEnabled(), true)
  await assertAccessible(page, 'Compare with a form')
  await pictures(page, host, 'compare-form')
  await run.click()
  await progress(page).getByText('running').waitFor()
  await page.getByRole('tabpanel').waitFor()
  await assertAccessible(page, 'Compare while it runs')
  await pictures(page, host, 'compare-running')
  await progress(page).getByText('done', { exact: true }).waitFor({ timeout: planMs })
}

async function verdict(page: Page, host: string): Promise<string> {
  const card = page.getByRole('region', { name: 'Verdict' })
  const headline = (await card.getByRole('heading').first().textContent()) ?? ''
  assert.match(headline, /\w/)
  await page.getByRole('figure').first().waitFor()
  await assertAccessible(page, 'Compare with a verdict')
  await pictures(page, host, 'compare')
  await card.getByText('Evidence', { exact: true }).click()
  await card.getByRole('table', { name: 'Evidence of the verdict' }).waitFor()
  assert.ok((await card.getByRole('table', { name: 'Evidence of the verdict' }).locator('tbody tr').count()) >= 5)
  await assertAccessible(page, 'Compare with evidence')
  await pictures(page, host, 'compare-evidence')
  await card.getByText('Evidence', { exact: true }).click()
  for (const name of ['Steps and curves', 'Adapters', 'Cost', 'Jobs']) {
    await tab(page, name).click()
    await assertAccessible(page, `Compare, ${name}`)
    await pictures(page, host, `compare-${name.split(' ').at(-1)?.toLowerCase() ?? name}`)
  }
  return headline
}

/** Looks through the arms until one has an example that it alone gets right. */
async function examples(page: Page, host: string): Promise<void> {
  await tab(page, 'Examples').click()
  await page.setViewportSize({ ...sizes.large, height: 1400 })
  const which = page.getByRole('group', { name: 'Which examples' })
  const arm = which.getByLabel('Arm')
  const names = await arm.locator('option').allTextContents()
  let found = 0
  for (const name of names) {
    await arm.selectOption({ label: name })
    await which.getByLabel('Filter').selectOption('only-first')
    const said = page.getByRole('tabpanel').getByRole('status')
    await said.getByText(`right with ${name} only`).waitFor()
    found = Number.parseInt((await said.textContent()) ?? '0', 10)
    if (found > 0) break
  }
  assert.ok(found > 0, 'no arm has an example that it alone gets right')
  const example = page.getByRole('article').first()
  await example.waitFor()
  assert.equal(await example.getByText('right', { exact: true }).count(), 1)
  await assertAccessible(page, 'Compare with examples')
  await pictures(page, host, 'compare-examples')
  await page.setViewportSize(sizes.large)
}

/** Saves the report and answers with its folder. */
async function report(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Report', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Save report with tables' }).click()
  const said = page.getByText(/^The report is in /).first()
  await said.waitFor()
  return ((await said.textContent()) ?? '').replace(/^The report is in /, '').replace(/\.\s*$/, '')
}

async function readWithoutNetwork(folder: string, headline: string, host: string): Promise<void> {
  assert.ok(existsSync(folder), `the report's folder ${folder} is there`)
  const name = readdirSync(folder).find((file) => file.endsWith('.html'))
  assert.ok(name !== undefined, `a report among ${readdirSync(folder).join(', ')}`)
  const found = findChromium()
  if (found.path === null) throw new Error(found.reason)
  const browser = await chromium.launch({ executablePath: found.path, args: [...chromiumFlags] })
  try {
    const context = await browser.newContext({ offline: true, viewport: { width: 1100, height: 1400 } })
    const reader = await context.newPage()
    const asked: string[] = []
    const errors: string[] = []
    reader.on('request', (request) => asked.push(request.url()))
    reader.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    const address = pathToFileURL(join(folder, name)).href
    await reader.goto(address)
    await reader.getByText(headline).first().waitFor()
    assert.deepEqual(asked, [address])
    assert.deepEqual(errors, [])
    const { violations } = await new AxeBuilder({ page: reader }).setLegacyMode(true).analyze()
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`),
      [],
    )
    await pictures(reader, host, 'compare-report')
  } finally {
    await browser.close()
  }
}

async function runs(page: Page, host: string, headline: string): Promise<void> {
  await section(page, 'Runs').click()
  await page.getByRole('heading', { name: 'Runs' }).first().waitFor({ state: 'attached' })
  await page.getByRole('row').filter({ hasText: 'Quick look' }).first().click()
  await page.getByText(headline).first().waitFor()
  await assertAccessible(page, 'Runs with a plan')
  await pictures(page, host, 'runs')
}

async function endOfGuide(page: Page): Promise<void> {
  await step(page, 'Read the verdict').click()
  await page.getByRole('region', { name: 'Verdict' }).waitFor()
  await guide(page).getByText('That is the whole way.', { exact: false }).waitFor()
  await guide(page).getByRole('button', { name: 'Close the first steps' }).click()
  await guide(page).waitFor({ state: 'detached' })
}

const guide = (page: Page): Locator => page.getByRole('region', { name: 'First steps' })
const step = (page: Page, name: string): Locator => guide(page).getByRole('button', { name })
const progress = (page: Page): Locator => page.getByRole('region', { name: 'Progress' })
const tab = (page: Page, name: string): Locator => page.getByRole('tab', { name, exact: true })
const section = (page: Page, name: string): Locator => page.getByRole('navigation').getByRole('button', { name, exact: true })
