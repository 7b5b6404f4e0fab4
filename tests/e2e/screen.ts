/** What the scenarios share: dropping files, checking accessibility, taking pictures. */
import { strict as assert } from 'node:assert'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'

const root = fileURLToPath(new URL('../..', import.meta.url))

export const themes = ['light', 'dark'] as const
export type Theme = (typeof themes)[number]
export const sizes = { large: { width: 1600, height: 1000 }, small: { width: 1024, height: 640 } } as const

/** True when this run makes the pictures of the documentation. */
export const keepsPictures = process.env['UPDATE_SCREENSHOTS'] === '1'

/** Where the pictures of one run go: docs/screenshots for the web host when UPDATE_SCREENSHOTS=1, else test-results. */
export function pictureFolder(host: string): string {
  const kept = keepsPictures && host === 'web'
  return kept ? join(root, 'docs/screenshots') : join(root, 'test-results', host)
}

/** Shows the page in one theme without touching the setting. */
export async function showTheme(page: Page, theme: Theme): Promise<void> {
  await page.evaluate((wanted) => document.documentElement.setAttribute('data-theme', wanted), theme)
}

/** A picture of the window as it stands. */
export async function picture(page: Page, host: string, name: string): Promise<void> {
  const path = join(pictureFolder(host), `${name}.png`)
  mkdirSync(dirname(path), { recursive: true })
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
}

/** Pictures of the window in both themes; then it is light again. */
export async function pictures(page: Page, host: string, name: string): Promise<void> {
  for (const theme of [...themes].reverse()) {
    await showTheme(page, theme)
    await picture(page, host, `${name}-${theme}`)
  }
}

/** Fails with every violation that axe finds on the page, in both themes. */
export async function assertAccessible(page: Page, screen: string): Promise<void> {
  for (const theme of [...themes].reverse()) {
    await showTheme(page, theme)
    // Legacy mode keeps axe in this page: a second one would be a second window of the app.
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze()
    const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
    assert.deepEqual(found, [], `axe found violations on ${screen} (${theme})`)
  }
}

/** Drops files and folders of this machine on the middle of the window, as the system's file manager does. */
export async function dropOnWindow(page: Page, paths: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const data = { items: [], files: [...paths], dragOperationsMask: 1 }
  const size = page.viewportSize() ?? sizes.small
  const place = { x: size.width / 2, y: size.height / 2 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await session.send('Input.dispatchDragEvent', { type, ...place, data })
  await session.detach()
}

/** The text of the page's active element: its accessible name or its words; for messages and for walking by keyboard. */
export async function focusedWords(page: Page): Promise<string> {
  return page.evaluate(() => {
    const active = document.activeElement
    return active === null ? '' : (active.getAttribute('aria-label') ?? active.textContent ?? '').trim()
  })
}

/** Presses Tab until `reached` holds for the focused element; fails after `most` presses. Every stop must show its focus. */
export async function tabTo(page: Page, what: string, reached: (page: Page) => Promise<boolean>, most = 80): Promise<void> {
  const passed: string[] = []
  for (let presses = 0; presses < most; presses++) {
    if (await reached(page)) return
    await page.keyboard.press('Tab')
    passed.push((await focusedWords(page)).slice(0, 40))
  }
  assert.fail(`Tab did not reach ${what} in ${most} presses; it passed ${passed.join(' / ')}`)
}

/** Reads until the value is as expected, for at most five seconds; a page answers a click a moment later. */
export async function eventually(read: () => Promise<unknown>, expected: unknown, what?: string): Promise<void> {
  const until = Date.now() + 5000
  for (;;) {
    const value = await read()
    if (isDeepStrictEqual(value, expected)) return
    if (Date.now() > until) assert.deepEqual(value, expected, what)
    await setTimeout(50)
  }
}

/** What the window hands over as a file while `act` runs, as text. */
export async function savedText(page: Page, act: () => Promise<void>): Promise<string> {
  await page.evaluate(() => {
    const original = URL.createObjectURL.bind(URL)
    const kept = window as unknown as { saved?: Promise<string> }
    delete kept.saved
    URL.createObjectURL = (content) => {
      if (content instanceof Blob) kept.saved = content.text()
      URL.createObjectURL = original
      return original(content)
    }
  })
  await act()
  await page.waitForFunction(() => 'saved' in window)
  return page.evaluate(() => (window as unknown as { saved: Promise<string> }).saved)
}
