/** Compare, choose a cluster and export it by keyboard alone. */
import { strict as assert } from 'node:assert'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { isFocused, isFocusInside } from './keyboard.ts'
import { eventually, sizes, tabTo } from './screen.ts'

/**
 * Needs a library that is empty and a host with the demo pool; exports go to `folder`. `answerDialog`: where the host asks for folders with
 * its own dialog, what gives the answer. No pointer is used.
 */
export async function inspectByKeyboard(page: Page, folder: string, answerDialog?: (paths: readonly string[]) => void): Promise<void> {
  await page.setViewportSize(sizes.small)
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await command(page, 'demo pool')
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 30_000 })
  await page.getByRole('grid', { name: 'Adapters' }).getByText('checking').first().waitFor({ state: 'detached', timeout: 30_000 })

  await tabTo(page, 'the table', () => isFocusInside(page, '[role="grid"]'))
  await page.keyboard.press('Control+Home')
  for (const key of ['ArrowDown', 'Space', 'ArrowDown', 'Space', 'ArrowDown', 'Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
  await page.getByRole('region', { name: 'Selection' }).getByText('4 selected').waitFor()
  await tabTo(page, 'Inspect in the tray', () => isFocused(page, '[aria-label="Selection"] button', 'Inspect'))
  await page.keyboard.press('Enter')

  await page.getByText('4 adapters shown').waitFor()
  await page.getByText('None of 6 pairs is compared yet.').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.getByText('6 pairs by size of the cosine').waitFor({ timeout: 30_000 })
  await tabTo(page, 'the tabs', () => isFocused(page, '[role="tab"]', 'Similarity'))
  await page.keyboard.press('ArrowRight')
  await tabTo(page, 'the next tab', () => isFocused(page, '[role="tab"]', 'Spectra'))
  await page.keyboard.press('ArrowLeft')
  await tabTo(page, 'the clusters', () => isFocused(page, '[aria-label="Clusters"] [data-mark]', ''))
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Selection' }).getByText('2 selected').waitFor()

  await tabTo(page, 'Export in the tray', () => isFocused(page, '[aria-label="Selection"] button', 'Export'))
  await page.keyboard.press('Enter')
  await tabTo(page, 'the profile', () => isFocused(page, '[role="dialog"] select', ''))
  await page.keyboard.type('llama')
  await page.getByText('All 2 can be exported.').waitFor()
  const target = join(folder, 'exports')
  mkdirSync(target)
  if (answerDialog) {
    answerDialog([target])
    await tabTo(page, 'Choose', () => isFocused(page, '[role="dialog"] button', 'Choose'))
    await page.keyboard.press('Enter')
    await eventually(() => page.getByRole('textbox', { name: 'Folder' }).inputValue(), target)
  } else {
    await tabTo(page, 'the folder', () => isFocused(page, '[role="dialog"] input[type="text"]', ''))
    await page.keyboard.press('Control+a')
    await page.keyboard.type(target)
  }
  await tabTo(page, 'the button', () => isFocused(page, '[role="dialog"] button', 'Export 2 adapters'))
  await page.keyboard.press('Enter')
  await page
    .getByRole('region', { name: /^How to load/ })
    .nth(1)
    .waitFor({ timeout: 30_000 })
  const written = readdirSync(target)
  assert.equal(written.length, 2)
  for (const name of written) assert.ok(existsSync(join(target, name, 'adapter_config.json')), name)
}

/** Runs a command by a few of its words. */
async function command(page: Page, words: string): Promise<void> {
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.type(words)
  await page.keyboard.press('Enter')
}
