import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { openLibrary } from '../../src-main/library/open-library.ts'
import { chromiumFlags, findChromium } from '../e2e/chromium.ts'
import { launchWeb } from '../e2e/launch.ts'
import { fillLibrary } from './large-library.ts'
import type { Trial } from './trial.ts'

const adapters = 1000
const rounds = 3

/** Milliseconds since the address was asked for. */
interface Opened {
  readonly firstPaint: number
  /** The first rows are drawn, and the frame after that has come: keys and clicks are answered. */
  readonly interactive: number
}

/** Opens the window in a browser that has never seen it. */
async function open(url: string, executablePath: string): Promise<Opened> {
  const browser = await chromium.launch({ executablePath, args: [...chromiumFlags] })
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } })
    await page.addInitScript(() => {
      const look = (): void => {
        const name = document.querySelector('[role="row"][data-row="0"] [role="gridcell"][data-column="2"]')
        if (name?.textContent && document.querySelector('[role="row"][data-row="0"]:not([aria-busy])'))
          requestAnimationFrame(() => performance.mark('rows'))
        else requestAnimationFrame(look)
      }
      requestAnimationFrame(look)
    })
    await page.goto(url)
    await page.waitForFunction(() => performance.getEntriesByName('rows').length > 0)
    const times = await page.evaluate(() => ({
      firstPaint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      interactive: performance.getEntriesByName('rows')[0]?.startTime ?? Number.NaN,
    }))
    // What is drawn must also answer: the next row takes the focus from the keyboard.
    await page.locator('[role="row"][data-row="0"] [data-column="2"]').click()
    await page.keyboard.press('ArrowDown')
    await page.locator('[role="row"][data-row="1"] [data-column="2"]:focus').waitFor()
    return times
  } finally {
    await browser.close()
  }
}

export const paintWindow: Trial = {
  name: 'paint',
  summary: `first paint of the window and a usable library of ${adapters} adapters, in a fresh Chromium on the web host`,
  async run(scratch) {
    const folder = join(scratch, 'library')
    const library = openLibrary({ folder, log: { info: () => undefined, warn: console.warn, error: console.error } })
    fillLibrary(library, adapters)
    library.close()
    const found = findChromium()
    if (found.path === null) throw new Error(found.reason)
    const app = await launchWeb({ libraryFolder: folder })
    try {
      const runs: Opened[] = []
      for (let round = 0; round < rounds; round++) runs.push(await open(app.address, found.path))
      const best = runs.reduce((one, other) => (other.interactive < one.interactive ? other : one))
      return [
        { name: 'first paint', value: best.firstPaint, unit: 'ms', limit: 1000, note: `best of ${rounds}` },
        { name: 'library usable after first paint', value: best.interactive - best.firstPaint, unit: 'ms', limit: 300, note: 'same run' },
      ]
    } finally {
      await app.close()
    }
  },
}
