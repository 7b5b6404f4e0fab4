/** The straight line through the app: drop, filter, select, merge, follow, open the result, look at Jobs, switch the theme. */
import { strict as assert } from 'node:assert'
import type { Locator, Page } from 'playwright-core'
import type { Pool } from './pool.ts'
import { assertAccessible, dropOnWindow, eventually, picture, pictures, sizes } from './screen.ts'

export interface WalkOptions {
  /** Names the folder of the pictures. */
  readonly host: string
  readonly pool: Pool
}

/** Walks through the app on an empty library. Fails with the first thing that is not as it should be. */
export async function walk(page: Page, options: WalkOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await importByDrop(page, options)
  await filterAndSearch(page, options)
  await selectByKeyboard(page)
  await prepareMerge(page, options)
  await refuseMistakes(page, options)
  await runMerge(page, options)
  await openResult(page, options)
  const recipe = await lookAtJobs(page, options)
  await changeSettings(page, options)
  await openRecipe(page, recipe)
}

async function importByDrop(page: Page, { host, pool }: WalkOptions): Promise<void> {
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await assertAccessible(page, 'the empty library')
  await pictures(page, host, 'library-empty')
  await dropOnWindow(page, [pool.folder])
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 30_000 })
  await page.getByRole('grid', { name: 'Adapters' }).waitFor()
  await waitForChecks(page)
  await rowCount(page, pool.imported + pool.refused)
  const line = page.getByRole('group', { name: 'Import' })
  assert.match((await line.textContent()) ?? '', new RegExp(`${pool.imported} imported`))
  assert.match((await line.textContent()) ?? '', new RegExp(`${pool.refused} refused`))
  await line.getByRole('button', { name: 'Open report' }).click()
  await page.getByText('adapter_config.json is not JSON').first().waitFor()
  await assertAccessible(page, 'the import report')
  await picture(page, host, 'import-report-light')
  await page.getByRole('button', { name: 'Close the report' }).click()
}

async function filterAndSearch(page: Page, { host, pool }: WalkOptions): Promise<void> {
  await page.getByRole('group', { name: 'Filters' }).getByRole('button', { name: 'Rank', exact: true }).click()
  await page.getByRole('checkbox', { name: /^4 / }).check()
  await page.keyboard.press('Escape')
  await rowCount(page, 2)
  await page.getByRole('button', { name: 'Clear Rank' }).click()
  await page.keyboard.press('Control+f')
  await page.keyboard.type('attention')
  await rowCount(page, 1)
  assert.match((await row(page, 0).textContent()) ?? '', /topic-r4-attention/)
  await page.keyboard.press('Escape')
  await rowCount(page, pool.imported + pool.refused)
  await row(page, 3).getByText('rude-r16').click()
  await page.getByRole('heading', { name: 'rude-r16' }).waitFor()
  await assertAccessible(page, 'the library')
  await pictures(page, host, 'library')
}

async function selectByKeyboard(page: Page): Promise<void> {
  await row(page, 0).getByText('bank-r16').click()
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Space', 'ArrowDown', 'Space', 'ArrowDown', 'ArrowDown', 'Space'])
    await page.keyboard.press(key)
  await page.getByRole('region', { name: 'Selection' }).getByText('3 selected').waitFor()
}

async function prepareMerge(page: Page, { host }: WalkOptions): Promise<void> {
  await page.keyboard.press('Alt+2')
  await page.keyboard.press('Control+2')
  await page.getByRole('heading', { name: 'Merge adapters into one' }).waitFor()
  await assertAccessible(page, 'the empty merge')
  await pictures(page, host, 'merge-empty')
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Merge' }).click()
  await eventually(() => sourceNames(page), ['rude-r16', 'sentiment-r16', 'topic-r4-attention'])
  await fact(page, 'Rank', '36 → 16')
  await coefficient(page, 'rude-r16').fill('-0.3')
  await coefficient(page, 'sentiment-r16').fill('0.7')
  await coefficient(page, 'topic-r4-attention').fill('0.4')
  await page.getByRole('combobox', { name: 'Merge method' }).selectOption('concat')
  await fact(page, 'Rank', '36')
  await page.getByText('Nothing is cut: every layer keeps all of it.').waitFor()
  await page.getByRole('combobox', { name: 'Merge method' }).selectOption('linear')
  await page.getByRole('combobox', { name: 'Rank', exact: true }).selectOption('number')
  await page.getByRole('textbox', { name: 'Rank, number' }).fill('8')
  await fact(page, 'Rank', '36 → 8')
  const kept = Number(((await definition(page, 'Kept energy').textContent()) ?? '').replace(/ %.*/s, ''))
  assert.ok(kept > 50 && kept < 100, `kept energy at rank 8 is ${kept} %`)
  await page.getByText(/rude-r16 is [\d.]+ × topic-r4-attention/).waitFor()
  await page.getByRole('textbox', { name: 'Name of the result' }).fill('walk-merge')
  // By keyboard: the third line to the top and back.
  const handle = page.getByRole('button', { name: /^Move topic-r4-attention/ })
  await handle.press('Home')
  await eventually(() => sourceNames(page), ['topic-r4-attention', 'rude-r16', 'sentiment-r16'])
  await handle.press('End')
  await eventually(() => sourceNames(page), ['rude-r16', 'sentiment-r16', 'topic-r4-attention'])
  await page.getByRole('textbox', { name: 'Name of the result' }).focus()
  await dragFirstBelowSecond(page)
  await eventually(() => sourceNames(page), ['sentiment-r16', 'rude-r16', 'topic-r4-attention'])
  await dragFirstBelowSecond(page)
  await settled(page)
  await assertAccessible(page, 'the merge')
  await pictures(page, host, 'merge')
  await page.setViewportSize(sizes.small)
  await pictures(page, host, 'merge-small')
  await page.setViewportSize(sizes.large)
}

async function dragFirstBelowSecond(page: Page): Promise<void> {
  const boxes = await Promise.all([0, 1].map((index) => page.locator('.handle').nth(index).boundingBox()))
  const [first, second] = boxes
  assert.ok(first && second)
  const x = first.x + first.width / 2
  await page.mouse.move(x, first.y + first.height / 2)
  await page.mouse.down()
  await page.mouse.move(x, second.y + second.height / 2, { steps: 4 })
  await page.mouse.move(x, second.y + second.height + 8, { steps: 4 })
  await page.mouse.up()
}

async function refuseMistakes(page: Page, { host }: WalkOptions): Promise<void> {
  await coefficient(page, 'sentiment-r16').fill('much')
  const list = page.getByRole('list', { name: 'Problems to resolve' })
  await list.getByText('"much"').first().waitFor()
  await eventually(() => mergeButton(page).isDisabled(), true)
  await list.getByRole('button', { name: 'Go to the field' }).click()
  const where = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')
  assert.equal(where, 'Coefficient of sentiment-r16, number', 'the jump lands on the field')
  await settled(page)
  await assertAccessible(page, 'a merge with a problem')
  await pictures(page, host, 'merge-problem')
  await coefficient(page, 'sentiment-r16').fill('0.7')
  await list.waitFor({ state: 'detached' })
  await settled(page)
}

async function runMerge(page: Page, { host }: WalkOptions): Promise<void> {
  await mergeButton(page).click()
  const job = page.getByRole('region', { name: 'This merge' })
  await job.getByText('done').waitFor({ timeout: 30_000 })
  await assertAccessible(page, 'a merge that is done')
  await pictures(page, host, 'merge-done')
}

async function openResult(page: Page, { host }: WalkOptions): Promise<void> {
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Clear' }).click()
  await page.getByRole('button', { name: 'Open result' }).click()
  await page.getByRole('heading', { name: 'walk-merge' }).waitFor()
  await waitForChecks(page)
  await fact(page, 'Rank', '8')
  await fact(page, 'Scaling', '1')
  assert.match(plain(await definition(page, 'Scaling').textContent()), /alpha 8/, 'alpha equals the rank')
  const lineage = page.getByRole('region', { name: 'Lineage' })
  for (const words of ['rude-r16 × -0.3', 'sentiment-r16 × 0.7', 'topic-r4-attention × 0.4'])
    assert.ok(plain(await lineage.textContent()).includes(words), `the lineage names ${words}`)
  await lineage.scrollIntoViewIfNeeded()
  await assertAccessible(page, 'the result')
  await pictures(page, host, 'result')
}

/** Answers with the recipe that the job shows. */
async function lookAtJobs(page: Page, { host }: WalkOptions): Promise<string> {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: 'Jobs' }).click()
  await page.getByRole('table', { name: 'Jobs, newest first' }).getByRole('button', { name: 'walk-merge' }).click()
  const detail = page.getByRole('region', { name: 'Job details' })
  await detail.getByText('Modules', { exact: true }).click()
  const modules = detail.getByRole('region', { name: 'Modules' }).getByRole('row')
  await modules.nth(28).waitFor()
  await eventually(() => modules.count(), 29, '28 modules and a head')
  await detail.getByText('Recipe', { exact: true }).click()
  const recipe = (await detail.getByRole('region', { name: 'Recipe' }).textContent()) ?? ''
  assert.match(recipe, /method: linear/)
  await detail.getByText('Log', { exact: true }).click()
  await detail.getByRole('region', { name: 'Log' }).filter({ hasText: /\S/ }).waitFor()
  await assertAccessible(page, 'the jobs')
  await pictures(page, host, 'jobs')
  return recipe
}

/** A recipe written by one merge fills the form of the next. */
async function openRecipe(page: Page, recipe: string): Promise<void> {
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Find a command').waitFor()
  await page.keyboard.type('new merge')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Merge adapters into one' }).waitFor()
  await page.getByRole('button', { name: 'Open recipe' }).click()
  const text = page.getByRole('textbox', { name: 'Recipe (YAML or JSON)' })
  await text.fill(recipe.replace('method:', 'metod:'))
  await page.getByRole('button', { name: 'Fill the form' }).click()
  await page.getByText('Did you mean "method"?').waitFor()
  await text.fill(recipe)
  await page.getByRole('button', { name: 'Fill the form' }).click()
  await page.getByRole('list', { name: 'Adapters to merge' }).waitFor()
  await eventually(() => sourceNames(page), ['rude-r16', 'sentiment-r16', 'topic-r4-attention'])
  await eventually(() => coefficient(page, 'sentiment-r16').inputValue(), '0.7')
  await eventually(() => page.getByRole('textbox', { name: 'Rank, number' }).inputValue(), '8')
  await fact(page, 'Rank', '36 → 8')
}

async function changeSettings(page: Page, { host }: WalkOptions): Promise<void> {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: 'Settings' }).click()
  await page.getByText('Licences', { exact: true }).click()
  await page.getByRole('region', { name: 'Licences' }).getByText('better-sqlite3').first().waitFor()
  await page.getByText('Licences', { exact: true }).click()
  await page.getByRole('button', { name: 'As the system' }).scrollIntoViewIfNeeded()
  await assertAccessible(page, 'the settings')
  await pictures(page, host, 'settings')
  await page.getByRole('button', { name: 'Dark', exact: true }).click()
  await page.getByText('saved').waitFor()
  await eventually(() => page.evaluate(() => document.documentElement.dataset['theme']), 'dark')
  await eventually(() => page.evaluate(() => getComputedStyle(document.body).colorScheme), 'dark')
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').waitFor()
  await assertAccessible(page, 'the command palette')
  await picture(page, host, 'palette-light')
  await page.keyboard.press('Escape')
  await page.reload()
  await page.getByRole('grid', { name: 'Adapters' }).waitFor()
  await eventually(() => page.evaluate(() => document.documentElement.dataset['theme']), 'dark', 'the theme survives a reload')
}

const row = (page: Page, index: number): Locator => page.locator(`[role="row"][aria-rowindex="${index + 2}"]`)
const coefficient = (page: Page, name: string): Locator => page.getByRole('textbox', { name: `Coefficient of ${name}, number` })
const mergeButton = (page: Page): Locator =>
  page.getByRole('region', { name: 'Result' }).getByRole('button', { name: 'Merge', exact: true })
const definition = (page: Page, term: string): Locator =>
  page.locator('dt', { hasText: new RegExp(`^${term}$`) }).locator('xpath=following-sibling::dd[1]')
const plain = (text: string | null): string => (text ?? '').replaceAll(/\s+/g, ' ').replaceAll('\u2212', '-')

async function sourceNames(page: Page): Promise<readonly string[]> {
  return page.getByRole('list', { name: 'Adapters to merge' }).locator('.title').allTextContents()
}

/** Waits until a fact reads `value`; its explanation may stand behind it in the same place. */
async function fact(page: Page, term: string, value: string): Promise<void> {
  const wanted = new RegExp(`^\\s*${value.replaceAll('.', '\\.').replaceAll(' ', '\\s+')}(?![\\d.,]|\\s*→)`)
  await definition(page, term).filter({ hasText: wanted }).waitFor()
}

async function rowCount(page: Page, count: number): Promise<void> {
  await page.locator(`[role="grid"][aria-rowcount="${count + 1}"][aria-busy="false"]`).waitFor()
}

/** Waits until the preview belongs to what is on screen. */
async function settled(page: Page): Promise<void> {
  await page.waitForTimeout(300)
  await page.getByRole('region', { name: 'Result' }).locator('[aria-busy="false"]').waitFor()
}

/** Waits until no adapter on screen is still being checked. */
async function waitForChecks(page: Page): Promise<void> {
  await page.getByRole('grid', { name: 'Adapters' }).getByText('checking').first().waitFor({ state: 'detached', timeout: 30_000 })
}
