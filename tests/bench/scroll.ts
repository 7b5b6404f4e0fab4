import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openLibrary } from '../../src-main/library/open-library.ts'
import { launchWeb } from '../e2e/launch.ts'
import { fillLibrary } from './large-library.ts'
import type { Measure, Trial } from './trial.ts'

const adapters = 20_000
const rounds = 3
/** Ways to scroll: pixels for each frame. Rows are 28 high, so these are a slow wheel, a fast one, and a dragged bar. */
const paces = { slow: 84, fast: 560, dragged: 5600 } as const
type Pace = keyof typeof paces
const framesPerRun = 300
/** Milliseconds after which the look for missing files that follows a start is over. */
const startMs = 8000

interface Scrolled {
  /** Milliseconds from one frame to the next, in order. */
  readonly frames: readonly number[]
  /** Share of frames in which a row on screen was still being fetched. */
  readonly waiting: number
}

/** Scrolls the table by `step` pixels in every frame and back at the end, and notes how long each frame took. */
async function scroll(page: Page, step: number): Promise<Scrolled> {
  return page.evaluate(
    async ({ pixels, count }) => {
      const grid = document.querySelector('[role="grid"]')
      if (!grid) throw new Error('the table is not there')
      grid.scrollTop = 0
      const nextFrame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve))
      await new Promise((resolve) => setTimeout(resolve, 500))
      const frames: number[] = []
      let direction = 1
      let waiting = 0
      let before = await nextFrame()
      for (let frame = 0; frame < count; frame++) {
        if (grid.scrollTop + grid.clientHeight + pixels > grid.scrollHeight) direction = -1
        if (grid.scrollTop < pixels && frame > 0) direction = 1
        grid.scrollTop += direction * pixels
        const now = await nextFrame()
        frames.push(now - before)
        before = now
        if (grid.querySelector('[role="row"][aria-busy="true"]')) waiting += 1
      }
      return { frames, waiting: waiting / count }
    },
    { pixels: step, count: framesPerRun },
  )
}

/** The value below which a share of the values lies. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

export const scrollTable: Trial = {
  name: 'scroll',
  summary: `frames while the table of ${adapters} adapters is scrolled in Chromium on the web host, at three paces`,
  async run(scratch) {
    const folder = join(scratch, 'library')
    const library = openLibrary({ folder, log: { info: () => undefined, warn: console.warn, error: console.error } })
    fillLibrary(library, adapters)
    library.close()
    const app = await launchWeb({ libraryFolder: folder, viewport: { width: 1600, height: 1000 } })
    try {
      await app.page.locator(`[role="grid"][aria-rowcount="${adapters + 1}"]`).waitFor({ timeout: 60_000 })
      await app.page.waitForTimeout(startMs)
      const measures: Measure[] = []
      for (const pace of Object.keys(paces) as Pace[]) {
        const runs: Scrolled[] = []
        for (let round = 0; round < rounds; round++) runs.push(await scroll(app.page, paces[pace]))
        const best = runs.reduce((one, other) => (quantile(other.frames, 0.99) < quantile(one.frames, 0.99) ? other : one))
        measures.push(
          {
            name: `${pace}: p99 frame`,
            value: quantile(best.frames, 0.99),
            unit: 'ms',
            limit: 32,
            note: `best of ${rounds}, ${paces[pace]} px a frame`,
          },
          { name: `${pace}: median frame`, value: quantile(best.frames, 0.5), unit: 'ms' },
          { name: `${pace}: longest frame`, value: Math.max(...best.frames), unit: 'ms' },
          { name: `${pace}: frames with a row still being fetched`, value: 100 * best.waiting, unit: '%' },
        )
      }
      if (app.errors.length > 0) throw new Error(`the page reported errors: ${app.errors.join('; ')}`)
      return measures
    } finally {
      await app.close()
    }
  },
}
