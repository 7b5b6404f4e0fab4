/** The library at work: filters with NOT, collections, tags of a selection and undo, saved views, columns, files that moved. */
import { strict as assert } from 'node:assert'
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import type { Launched, LaunchedDouble } from './launch.ts'
import { makePool, type Pool } from './pool.ts'
import { assertAccessible, dropOnWindow, eventually, pictures, sizes } from './screen.ts'

interface Place {
  readonly host: string
  /** Folder of this run's own files. */
  readonly folder: string
}

/** Needs an empty library. */
export async function libraryAtWork(app: Launched, { host, folder }: Place): Promise<void> {
  const { page } = app
  const pool = makePool(join(folder, 'pool'))
  await page.setViewportSize(sizes.large)
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await dropOnWindow(page, [pool.folder])
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 30_000 })
  await page.getByRole('grid', { name: 'Adapters' }).getByText('checking').first().waitFor({ state: 'detached', timeout: 30_000 })
  await filterWithNot(page, host, pool)
  await tagSelection(page, host)
  await collect(page, host, pool)
  await chooseColumns(page)
  await saveView(page, host, pool)
  await findMissing(app, { host, folder }, pool)
  await exportMetadata(app, folder)
  await watchFolder(app, host, folder)
}

/** By keyboard alone: a filter that excludes, changed from one mode to the other. */
async function filterWithNot(page: Page, host: string, pool: Pool): Promise<void> {
  const all = pool.imported + pool.refused
  const bar = page.getByRole('group', { name: 'Filters' })
  await bar.getByRole('button', { name: 'Target module' }).focus()
  await page.keyboard.press('Enter')
  const editor = page.getByRole('dialog', { name: 'Filter by Target module' })
  await editor.getByRole('checkbox', { name: /^gate_proj / }).focus()
  await page.keyboard.press('Space')
  await rowCount(page, all - 4)
  await editor.getByRole('radio', { name: 'any of' }).focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  await eventually(() => editor.getByRole('radio', { name: 'none of' }).isChecked(), true)
  await rowCount(page, 4)
  await assertAccessible(page, 'a filter that is open')
  await pictures(page, host, 'library-filter')
  await page.keyboard.press('Escape')
  await bar.getByText(/Target module\s+is not\s+gate_proj/).waitFor()
  // A second filter, from the menu; both must hold.
  await bar.getByRole('button', { name: 'Add filter' }).press('Enter')
  await page.getByRole('menuitem', { name: /^Status / }).press('Enter')
  await page
    .getByRole('dialog', { name: 'Filter by Status' })
    .getByRole('checkbox', { name: /^refused / })
    .press('Space')
  await page.keyboard.press('Escape')
  await rowCount(page, 2)
  await page.getByText(`2 of ${all}`).waitFor()
  await bar.getByRole('button', { name: 'Clear all' }).click()
  await rowCount(page, all)
}

async function tagSelection(page: Page, host: string): Promise<void> {
  await row(page, 0).locator('[data-column="2"]').click()
  for (const key of ['Space', 'ArrowDown', 'Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
  const tray = page.getByRole('region', { name: 'Selection' })
  await tray.getByText('3 selected').waitFor()
  await tray.getByRole('button', { name: 'Tag' }).click()
  const editor = page.getByRole('dialog', { name: 'Tags of 3 selected adapters' })
  await editor.getByRole('textbox', { name: 'New tag' }).fill('keep')
  await page.keyboard.press('Enter')
  await page.getByText('Tags of 3 adapters changed.').first().waitFor()
  await eventually(() => editor.getByRole('checkbox', { name: /^keep/ }).isChecked(), true)
  // One of them gets another tag: the editor then shows it as a mixed one.
  await page.keyboard.press('Escape')
  await row(page, 1).locator('[data-column="2"]').click()
  await page.getByRole('combobox', { name: 'Add a tag' }).fill('german')
  await page.keyboard.press('Enter')
  await page
    .getByText(/^Tags of 1 adapter changed\.$/)
    .first()
    .waitFor()
  await tray.getByRole('button', { name: 'Tag' }).click()
  const mixed = page.getByRole('checkbox', { name: /^german/ })
  await eventually(() => mixed.evaluate((box) => (box as HTMLInputElement).indeterminate), true)
  await assertAccessible(page, 'the tags of a selection')
  await pictures(page, host, 'library-tags')
  await page.getByRole('button', { name: 'Clear all their tags' }).click()
  await page.getByText('Tags of 3 adapters changed.').first().waitFor()
  await page.keyboard.press('Escape')
  await eventually(() => tagCells(page), '')
  await row(page, 0).locator('[data-column="2"]').click()
  await page.keyboard.press('Control+z')
  await page.getByText('Taken back: Tags of 3 adapters.').first().waitFor()
  await eventually(() => tagCells(page), 'keepgerman +1keep')
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Clear', exact: true }).click()
}

async function collect(page: Page, host: string, pool: Pool): Promise<void> {
  await row(page, 2).locator('[data-column="2"]').click()
  for (const key of ['Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
  const tray = page.getByRole('region', { name: 'Selection' })
  await tray.getByRole('button', { name: 'Collect' }).click()
  await page.getByRole('textbox', { name: 'New collection' }).fill('Paper figures')
  await page.keyboard.press('Enter')
  await page.getByText('Collections of 2 adapters changed.').first().waitFor()
  await page.keyboard.press('Escape')
  await tray.getByRole('button', { name: 'Clear', exact: true }).click()
  await page.getByRole('button', { name: 'Collections', exact: true }).click()
  const menu = page.getByRole('dialog', { name: 'Collections', exact: true })
  await menu.getByRole('button', { name: /^Paper figures 2$/ }).click()
  await rowCount(page, 2)
  await assertAccessible(page, 'the collections')
  await pictures(page, host, 'library-collections')
  await menu.getByRole('button', { name: 'Actions for Paper figures' }).click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('textbox', { name: 'New name of Paper figures' }).fill('Figures')
  await page.keyboard.press('Enter')
  await menu.getByRole('button', { name: /^Figures 2$/ }).waitFor()
  await page.keyboard.press('Escape')
  await page
    .getByRole('group', { name: 'Filters' })
    .getByText(/Collection\s+is\s+Figures/)
    .waitFor()
  await page.getByRole('button', { name: 'Collections', exact: true }).click()
  await menu.getByRole('button', { name: 'Actions for Figures' }).click()
  await page.getByRole('menuitem', { name: 'Remove' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByText('Collection “Figures” removed. Its adapters stay in the library.').first().waitFor()
  await rowCount(page, pool.imported + pool.refused)
}

async function chooseColumns(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Choose columns' }).click()
  const chooser = page.getByRole('dialog', { name: 'Columns' })
  await chooser.getByRole('checkbox', { name: 'Tensor hash' }).press('Space')
  await eventually(() => headings(page).then((all) => all.at(-1)), 'Tensor hash')
  // It stays focused while it moves.
  await page.keyboard.press('Alt+ArrowUp')
  await page.keyboard.press('Alt+ArrowUp')
  await eventually(() => headings(page).then((all) => all.at(-3)), 'Tensor hash')
  await chooser.getByRole('checkbox', { name: 'Base model' }).press('Space')
  await eventually(() => headings(page).then((all) => all.includes('Base model')), false)
  await assertAccessible(page, 'the columns')
  await page.keyboard.press('Escape')
}

async function saveView(page: Page, host: string, pool: Pool): Promise<void> {
  await page.getByRole('button', { name: 'Tag', exact: true }).click()
  await page.getByRole('checkbox', { name: /^keep/ }).check()
  await rowCount(page, 3)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Views', exact: true }).click()
  await page.getByRole('textbox', { name: 'Save what is shown as' }).fill('Kept ones')
  await page.keyboard.press('Enter')
  const menu = page.getByRole('dialog', { name: 'Saved views' })
  await menu.getByRole('button', { name: 'Kept ones', pressed: true }).waitFor()
  await assertAccessible(page, 'the saved views')
  await pictures(page, host, 'library-views')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'View: Kept ones', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Clear search and filters' }).click()
  await rowCount(page, pool.imported + pool.refused)
  await page.getByRole('button', { name: 'View: Kept ones, changed' }).click()
  await menu.getByRole('button', { name: /^Kept ones/ }).click()
  await rowCount(page, 3)
  await menu.getByRole('button', { name: 'Actions for Kept ones' }).click()
  await page.getByRole('menuitem', { name: 'Remove' }).click()
  await page.getByText('View “Kept ones” removed.').first().waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Clear search and filters' }).click()
  await rowCount(page, pool.imported + pool.refused)
}

/** The files of every adapter are moved; a rescan notices, and looking through their new folder finds them again. */
async function findMissing(app: Launched, { host, folder }: Place, pool: Pool): Promise<void> {
  const { page } = app
  const moved = join(folder, 'moved')
  mkdirSync(moved)
  const inbox = join(app.libraryFolder, 'inbox')
  const places = host === 'web' && existsSync(inbox) ? readdirSync(inbox).map((name) => join(inbox, name)) : [pool.folder]
  for (const [index, place] of places.entries()) renameSync(place, join(moved, String(index)))
  await page.keyboard.press('F5')
  await page
    .getByText(/^Rescan: \d+ adapters with no file any more/)
    .first()
    .waitFor()
  await page.getByRole('grid').getByText('missing').first().waitFor()
  await page.getByRole('button', { name: 'More library actions' }).click()
  await page.getByRole('menuitem', { name: /Find missing files/ }).click()
  const form = page.getByRole('region', { name: 'Find missing files' })
  await assertAccessible(page, 'the question where missing files are')
  await pictures(page, host, 'library-relink')
  await fillFolder(app, form, moved)
  await form.getByRole('button', { name: 'Look there' }).click()
  await page.getByText('Search finished', { exact: true }).waitFor({ timeout: 30_000 })
  await page.getByText(new RegExp(`^${pool.imported} adapters found again$`)).waitFor()
  await eventually(() => page.getByRole('grid').locator('[role="row"]').getByText('ok', { exact: true }).count(), pool.imported)
}

async function exportMetadata(app: Launched, folder: string): Promise<void> {
  const { page } = app
  const target = join(folder, 'moved', 'metadata')
  mkdirSync(target)
  await row(page, 0).locator('[data-column="2"]').click()
  await page.keyboard.press('Space')
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Export metadata' }).click()
  const form = page.getByRole('dialog', { name: 'Export metadata of 1 adapter' })
  await fillFolder(app, form, target)
  await form.getByRole('button', { name: 'Export metadata' }).click()
  await page
    .getByText(/^Metadata of 1 adapter written to /)
    .first()
    .waitFor()
  assert.equal(readdirSync(target).filter((name) => name.endsWith('.json')).length, 1, 'one file lies there')
}

async function watchFolder(app: Launched, host: string, folder: string): Promise<void> {
  const { page } = app
  const watched = join(folder, 'moved')
  await page.keyboard.press('Control+,')
  const field = page.getByRole('textbox', { name: 'Folder to watch' })
  if (isDouble(app)) {
    app.answerDialog([watched])
    await page.locator('form').filter({ has: field }).getByRole('button', { name: 'Choose' }).click()
  } else {
    await field.fill(watched)
    await page.keyboard.press('Enter')
  }
  const remove = page.getByRole('button', { name: `Stop watching ${watched}` })
  await remove.waitFor()
  await page.getByText('watched', { exact: true }).waitFor()
  await assertAccessible(page, 'watched folders')
  await pictures(page, host, 'settings-watched')
  await remove.click()
  await remove.waitFor({ state: 'detached' })
}

const row = (page: Page, index: number): Locator => page.locator(`[role="row"][aria-rowindex="${index + 2}"]`)

function isDouble(app: Launched): app is LaunchedDouble {
  return app.host === 'double'
}

/** A folder outside the library is chosen in the desktop's dialog, or typed where there is none. */
async function fillFolder(app: Launched, form: Locator, folder: string): Promise<void> {
  if (isDouble(app)) {
    app.answerDialog([folder])
    await form.getByRole('button', { name: 'Choose' }).click()
    await eventually(() => form.getByRole('textbox').inputValue(), folder)
  } else await form.getByRole('textbox').fill(folder)
}

async function rowCount(page: Page, count: number): Promise<void> {
  await page.locator(`[role="grid"][aria-rowcount="${count + 1}"][aria-busy="false"]`).waitFor()
}

/** The headings of the table that are drawn, from left to right. */
async function headings(page: Page): Promise<readonly string[]> {
  const all = await page.getByRole('columnheader').allTextContents()
  return all.map((text) => text.trim()).filter((text) => text !== '')
}

/** What the tags column shows, all rows together. */
async function tagCells(page: Page): Promise<string> {
  const index = (await page.getByRole('columnheader').allTextContents()).findIndex((text) => text.trim() === 'Tags')
  const cells = await page.locator(`[role="gridcell"][data-column="${index}"]`).allTextContents()
  return cells.map((text) => text.trim().replaceAll(/\s+/g, ' ')).join('')
}
