/** What adapters hold and how they relate: compare, read the charts, select a cluster and a family, merge with LEGO and TIES, export. */
import { strict as assert } from 'node:assert'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { demoAdapters } from '../helpers/demo.ts'
import { assertAccessible, dropOnWindow, eventually, picture, pictures, savedText, sizes } from './screen.ts'

export interface InspectOptions {
  /** Names the folder of the pictures. */
  readonly host: string
  /** A folder that exports may be written to. */
  readonly folder: string
  /** How a folder for exports is named on this host, with the panel open. */
  nameFolder(panel: Locator, folder: string): Promise<void>
}

/** Needs an empty library and a host with the demo pool. */
export async function inspect(page: Page, options: InspectOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await fillLibrary(page, options)
  await compare(page, options)
  await readChart(page)
  await lookAtPanes(page, options)
  await selectFamily(page, options)
  await mergeWithLego(page, options)
  await mergeWithTies(page, options)
  await exportForVllm(page, options)
}

async function fillLibrary(page: Page, { host, folder }: InspectOptions): Promise<void> {
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await section(page, 'Inspect').click()
  await page.getByRole('heading', { name: 'See what adapters hold, and how they relate' }).waitFor()
  await assertAccessible(page, 'Inspect without a library')
  await pictures(page, host, 'inspect-empty')
  await page.getByRole('button', { name: 'Add the demo pool' }).click()
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 30_000 })
  await dropOnWindow(page, [makeTwin(folder)])
  await page.getByRole('grid', { name: 'Adapters' }).getByText('sentiment-r16-twin').waitFor({ timeout: 30_000 })
  await page.getByRole('grid', { name: 'Adapters' }).getByText('checking').first().waitFor({ state: 'detached', timeout: 30_000 })
}

/** A demo adapter at twice its scaling: another adapter in the same direction. */
function makeTwin(folder: string): string {
  const twin = join(folder, 'sentiment-r16-twin')
  cpSync(join(demoAdapters, 'sentiment-r16'), twin, { recursive: true })
  const path = join(twin, 'adapter_config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as { lora_alpha: number }
  writeFileSync(path, JSON.stringify({ ...config, lora_alpha: config.lora_alpha * 2 }))
  return twin
}

async function compare(page: Page, { host }: InspectOptions): Promise<void> {
  await section(page, 'Inspect').click()
  await page.getByRole('button', { name: /^Inspect \d+ adapters$/ }).click()
  const line = page.getByRole('region', { name: 'Comparison' })
  await line.getByText(/None of \d+ pairs is compared yet/).waitFor()
  await page.getByText('not compared yet', { exact: true }).waitFor()
  await assertAccessible(page, 'a pool that is not compared')
  await pictures(page, host, 'inspect-not-compared')
  await line.getByRole('button', { name: 'Compare' }).click()
  await line.waitFor({ state: 'detached', timeout: 60_000 })
  await page.getByRole('region', { name: 'Pairs' }).getByRole('row').nth(5).waitFor()
  await assertAccessible(page, 'a compared pool')
  await pictures(page, host, 'inspect-similarity')
  await page.setViewportSize(sizes.small)
  await pictures(page, host, 'inspect-similarity-small')
  await page.setViewportSize(sizes.large)
}

/** The map by keyboard, its numbers as a file, and a cluster as the selection. */
async function readChart(page: Page): Promise<void> {
  const cells = page.getByRole('img', { name: /Arrow keys move, Shift and up or down brushes rows/ })
  await cells.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowRight')
  await page
    .getByRole('status')
    .filter({ hasText: /: cosine [+−]0\.\d{3}$/ })
    .waitFor({ state: 'attached' })
  const marked = page.getByRole('region', { name: 'Pairs' }).locator('[aria-current="true"]')
  await eventually(() => marked.count(), 1, 'the pair under the mark is marked in the table')
  for (const key of ['ArrowLeft', 'Shift+ArrowDown', 'Shift+ArrowDown', 'Enter']) await page.keyboard.press(key)
  await tray(page).getByText('3 selected').waitFor()

  const shown = await page.getByText(/^\d+ pairs by size of the cosine$/).textContent()
  const pairs = Number(shown?.split(' ')[0])
  const csv = await savedText(page, async () => {
    await page.getByRole('button', { name: 'Chart actions' }).click()
    await page.getByRole('menuitem', { name: 'Save CSV' }).click()
  })
  const lines = csv.trim().split('\r\n')
  assert.equal(lines[0], 'adapter,and,cosine')
  assert.equal(lines.length, pairs + 1, 'a line for each pair')
  assert.match(lines[1] ?? '', /^[\w-]+,[\w-]+,-?[01](\.\d+)?(e-\d+)?$/)

  const svg = await savedText(page, async () => {
    await page.getByRole('button', { name: 'Chart actions' }).click()
    await page.getByRole('menuitem', { name: 'Save SVG' }).click()
  })
  assert.match(svg, /^<svg [^>]*xmlns/)
  assert.ok(!svg.includes('var('), 'colours stand in the file as they are')

  const clusters = page.getByRole('group', { name: 'Clusters' })
  await clusters.locator('[tabindex="0"]').focus()
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Enter')
  const words = (await clusters.locator(':focus').getAttribute('aria-label')) ?? ''
  const size = Number(/Cluster of (\d+)/.exec(words)?.[1])
  assert.ok(size >= 2, words)
  await tray(page).getByText(`${size} selected`).waitFor()
}

async function lookAtPanes(page: Page, { host }: InspectOptions): Promise<void> {
  for (const [name, chart] of [
    ['Spectra', /effective rank from|All use about/],
    ['Norms', /Where each of \d+ updates is large/],
    ['Pool', /^Rank: median/],
    ['Frozen A', /trained with A frozen/],
  ] as const) {
    await page.getByRole('tab', { name }).click()
    await page.getByRole('tabpanel').getByText(chart).first().waitFor()
    const word = name.toLowerCase().replace(' ', '-')
    await assertAccessible(page, `Inspect, ${name}`)
    await pictures(page, host, `inspect-${word}`)
    await page.setViewportSize(sizes.small)
    await picture(page, host, `inspect-${word}-small-light`)
    await page.setViewportSize(sizes.large)
  }
  await page.getByRole('tab', { name: 'Norms' }).click()
  await page.getByRole('combobox', { name: 'Adapter' }).selectOption('sentiment-r16')
  await page.getByRole('group', { name: /^sentiment-r16; arrow keys/ }).waitFor()
  await assertAccessible(page, 'the norms of one adapter')
  await pictures(page, host, 'inspect-norms-one')
}

async function selectFamily(page: Page, { host }: InspectOptions): Promise<void> {
  await page.getByRole('tab', { name: 'Families' }).click()
  await page
    .getByRole('textbox', { name: 'Least cosine, number' })
    .or(page.getByRole('spinbutton', { name: 'Least cosine, number' }))
    .fill('0.9')
  const families = page.getByRole('list', { name: 'Families' })
  await families.and(page.locator('[aria-busy="false"]')).waitFor()
  await page.getByRole('heading', { name: /cosines? of 0\.900 or more/ }).waitFor()
  await assertAccessible(page, 'the families')
  await pictures(page, host, 'inspect-families')
  const first = families.getByRole('listitem').first()
  const count = Number(/(\d+) adapters/.exec((await first.textContent()) ?? '')?.[1])
  await first.getByRole('button', { name: 'Select' }).click()
  await tray(page).getByText(`${count} selected`).waitFor()
}

async function mergeWithLego(page: Page, { host }: InspectOptions): Promise<void> {
  await tray(page).getByRole('button', { name: 'Merge' }).click()
  await page.getByRole('list', { name: 'Adapters to merge' }).waitFor()
  await page.getByRole('button', { name: 'Clustering' }).click()
  await page.getByText(/^Depends on how each adapter is written/).waitFor()
  const clusters = page.getByRole('textbox', { name: 'Clusters', exact: true })
  assert.match((await clusters.getAttribute('placeholder')) ?? '', /^auto \(\d+\)$/)
  await settled(page)
  await assertAccessible(page, 'a merge with LEGO')
  await pictures(page, host, 'merge-lego')
  await page.getByRole('group', { name: 'Values worth trying' }).getByRole('button', { name: /P\/2/ }).click()
  const chosen = Number(await clusters.inputValue())
  assert.ok(chosen >= 1)
  await settled(page)
  await run(page)
  await page.getByRole('button', { name: 'Open result' }).click()
  const rank = page.locator('dt', { hasText: /^Rank$/ }).locator('xpath=following-sibling::dd[1]')
  await rank.filter({ hasText: new RegExp(`^\\s*${chosen}(?!\\d)`) }).waitFor()
}

async function mergeWithTies(page: Page, { host }: InspectOptions): Promise<void> {
  await section(page, 'Merge').click()
  await page.getByRole('button', { name: 'Elementwise' }).click()
  await page.getByRole('combobox', { name: 'Variant' }).selectOption('count')
  await page.getByText(/The largest entries of each module/).waitFor()
  await settled(page)
  await assertAccessible(page, 'a merge with TIES')
  await pictures(page, host, 'merge-ties')
  await page.setViewportSize(sizes.small)
  await pictures(page, host, 'merge-ties-small')
  await page.setViewportSize(sizes.large)
  await run(page)
}

async function exportForVllm(page: Page, { host, folder, nameFolder }: InspectOptions): Promise<void> {
  await tray(page).getByRole('button', { name: 'Export', exact: true }).click()
  const panel = page.getByRole('dialog', { name: /^Export \d+ adapters?$/ })
  await panel.getByRole('combobox', { name: 'For' }).selectOption('vllm')
  await panel.getByText(/can be exported/).waitFor()
  const target = join(folder, 'exports')
  mkdirSync(target)
  await nameFolder(panel, target)
  await assertAccessible(page, 'the export panel')
  await pictures(page, host, 'export')
  await panel.getByRole('button', { name: /^Export \d+ adapters?$/ }).click()
  const exported = panel.getByRole('region', { name: 'Exports' })
  const command = exported.getByRole('region', { name: /^How to load/ }).first()
  await command.waitFor({ timeout: 60_000 })
  assert.match((await command.textContent()) ?? '', /^vllm serve \S+ --enable-lora --lora-modules \S+=\S+ --max-lora-rank \d+$/)
  await eventually(() => exported.getByText('done', { exact: true }).count(), await exported.getByRole('listitem').count())
  await assertAccessible(page, 'exports that are done')
  await pictures(page, host, 'export-done')
  const [first] = readdirSync(target)
  assert.ok(first !== undefined && existsSync(join(target, first, 'adapter_model.safetensors')))
  const config = JSON.parse(readFileSync(join(target, first, 'adapter_config.json'), 'utf8')) as { r: number; lora_alpha: number }
  assert.equal(config.lora_alpha, config.r, 'the scaling is folded into the factors')
  await page.keyboard.press('Escape')
}

/** Runs the merge and waits until it is done. */
async function run(page: Page): Promise<void> {
  await page.getByRole('region', { name: 'Result' }).getByRole('button', { name: 'Merge', exact: true }).click()
  await page.getByRole('region', { name: 'This merge' }).getByText('done').waitFor({ timeout: 60_000 })
}

const section = (page: Page, name: string): Locator =>
  page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name, exact: true })
const tray = (page: Page): Locator => page.getByRole('region', { name: 'Selection' })

/** Waits until the preview belongs to what is on screen. */
async function settled(page: Page): Promise<void> {
  await page.waitForTimeout(400)
  await page.getByRole('region', { name: 'Result' }).locator('[aria-busy="false"]').waitFor({ timeout: 30_000 })
}
