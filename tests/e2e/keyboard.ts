/** The same line by keyboard alone: add the demo pool from the palette, select, tag, merge, open the result. */
import { strict as assert } from 'node:assert'
import type { Page } from 'playwright-core'
import { eventually, sizes, tabTo } from './screen.ts'

/** Needs a library that is empty and a host with the demo pool. No pointer is used. */
export async function keyboard(page: Page): Promise<void> {
  await page.setViewportSize(sizes.small)
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.type('demo pool')
  await page.keyboard.press('Enter')
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 30_000 })
  const grid = page.getByRole('grid', { name: 'Adapters' })
  await grid.getByText('checking').first().waitFor({ state: 'detached', timeout: 30_000 })

  await tabTo(page, 'the table', () => isFocusInside(page, '[role="grid"]'))
  // From wherever the table was entered to its first row.
  await page.keyboard.press('Control+Home')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.getByRole('region', { name: 'Selection' }).getByText('2 selected').waitFor()

  await tabTo(page, 'Tag in the tray', () => isFocused(page, '[aria-label="Selection"] button', 'Tag'))
  await page.keyboard.press('Enter')
  await eventually(() => isFocused(page, '[role="dialog"] input[type="text"]', ''), true)
  await page.keyboard.type('chosen')
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Notices' }).getByText('Tags of 2 adapters changed.').waitFor()
  await page.keyboard.press('Escape')
  await grid.getByText('chosen').nth(1).waitFor()

  await tabTo(page, 'Merge in the tray', () => isFocused(page, '[aria-label="Selection"] button', 'Merge'))
  await page.keyboard.press('Enter')

  await page.getByRole('list', { name: 'Adapters to merge' }).waitFor()
  await tabTo(page, 'a coefficient', () => isFocused(page, 'input[aria-label$=", number"]', ''))
  await page.keyboard.press('Control+a')
  await page.keyboard.type('-0.5')
  await page
    .getByText(/-0.5|\u22120.5/)
    .first()
    .waitFor({ state: 'attached' })
  await tabTo(page, 'the merge method', () => isFocused(page, '[data-field="method"] select', ''))
  await page.keyboard.press('ArrowUp')
  await page.getByText('Nothing is cut: every layer keeps all of it.').waitFor()
  await page.getByRole('region', { name: 'Result' }).locator('[aria-busy="false"]').waitFor()
  await page.keyboard.press('Control+Enter')
  const job = page.getByRole('region', { name: 'This merge' })
  await job.getByText('done').waitFor({ timeout: 30_000 })
  await tabTo(page, 'Open result', () => isFocused(page, '[aria-label="This merge"] button', 'Open result'))
  await page.keyboard.press('Enter')
  const lineage = page.getByRole('region', { name: 'Lineage' })
  await lineage.waitFor()
  assert.match(((await lineage.textContent()) ?? '').replaceAll(/\s+/g, ' '), /× [-\u2212]0\.5/)
}

/** True when the focus is somewhere inside what `selector` names. */
export async function isFocusInside(page: Page, selector: string): Promise<boolean> {
  return page.evaluate((wanted) => document.activeElement?.closest(wanted) !== null && document.activeElement !== document.body, selector)
}

/** True when the focused element matches and its words begin with `words`; it must also show that it has the focus. */
export async function isFocused(page: Page, selector: string, words: string): Promise<boolean> {
  return page.evaluate(
    ({ selector, words }) => {
      const active = document.activeElement
      if (!active?.matches(selector) || !(active.textContent ?? '').trim().startsWith(words)) return false
      const style = getComputedStyle(active)
      if (style.outlineStyle === 'none' || style.outlineWidth === '0px') throw new Error(`the focus does not show on ${selector}`)
      return true
    },
    { selector, words },
  )
}
