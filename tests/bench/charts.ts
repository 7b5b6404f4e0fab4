import { svelte } from '@sveltejs/vite-plugin-svelte'
import { createServer } from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { chromiumFlags, findChromium } from '../e2e/chromium.ts'
import { largePlan } from '../helpers/comparison-data.ts'
import type { Measure, Trial } from './trial.ts'

/** Charts of the page, by the name in its address. */
const charts = [
  'arms',
  'panels',
  'forest',
  'forest-tasks',
  'map',
  'map-values',
  'stairs',
  'skip',
  'k',
  'budget',
  'cost',
  'agreement',
] as const
const rounds = 11
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }

/** Builds the page of charts into a folder and serves it on the loopback. */
export async function serveChartsPage(folder: string): Promise<{ readonly address: string; readonly close: () => void }> {
  const root = join(import.meta.dirname, 'charts-page')
  await build({
    root,
    base: './',
    configFile: false,
    logLevel: 'error',
    plugins: [svelte({ configFile: false })],
    build: { outDir: folder, emptyOutDir: true, minify: 'oxc' },
  })
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = join(folder, pathname === '/' ? 'index.html' : pathname)
    if (!file.startsWith(folder) || !existsSync(file)) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the page has no port')
  return { address: `http://127.0.0.1:${bound.port}/`, close: () => server.close() }
}

/** Milliseconds in which a chart takes other data: the least, as the machine has other work too, and the middle one. */
async function timeRedraw(page: Page): Promise<{ readonly least: number; readonly middle: number }> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    times.push(await page.evaluate(() => (window as unknown as { readonly redraw: () => number }).redraw()))
    await page.waitForTimeout(30)
  }
  times.sort((left, right) => left - right)
  return { least: times[0] ?? Number.NaN, middle: times[Math.floor(rounds / 2)] ?? Number.NaN }
}

/** How long each chart of a comparison of the largest plan takes to redraw whole, in a browser 1440 pixels wide. */
export async function measureRedraws(scratch: string): Promise<readonly Measure[]> {
  const found = findChromium()
  if (found.path === null) throw new Error(found.reason)
  const served = await serveChartsPage(join(scratch, 'charts'))
  const browser = await chromium.launch({ executablePath: found.path, args: [...chromiumFlags] })
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const measures: Measure[] = []
    for (const chart of charts) {
      await page.goto(`${served.address}?chart=${chart}`)
      await page.locator('section svg').first().waitFor()
      const { least, middle } = await timeRedraw(page)
      measures.push({
        name: `redraw of ${chart}`,
        value: least,
        unit: 'ms',
        limit: 100,
        note: `best of ${rounds}, middle one ${middle.toFixed(1)}`,
      })
    }
    return measures
  } finally {
    await browser.close()
    served.close()
  }
}

export const redrawCharts: Trial = {
  name: 'charts',
  summary: `redraws of the charts of a comparison of ${largePlan.tasks} tasks and ${largePlan.arms} arms with all data new, until layout is done`,
  run: measureRedraws,
}
