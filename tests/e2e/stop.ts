/** A merge that takes a while: its progress is followed, it is stopped, and it is run again. */
import { strict as assert } from 'node:assert'
import type { Page } from 'playwright-core'
import { assertAccessible, dropOnWindow, keepsPictures, picture, pictures, sizes } from './screen.ts'

export interface StopOptions {
  readonly host: string
  /** A folder with two large adapters. */
  readonly folder: string
}

/** Needs an empty library. */
export async function stop(page: Page, { host, folder }: StopOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await setOneThread(page)
  await dropOnWindow(page, [folder])
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 60_000 })
  for (const name of ['large-a', 'large-b'])
    await page.getByRole('row').filter({ hasText: name }).getByText('ok', { exact: true }).waitFor({ timeout: 60_000 })
  await page.getByText('large-a', { exact: true }).first().click()
  for (const key of ['Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Merge' }).click()
  const result = page.getByRole('region', { name: 'Result' })
  await result.getByText('estimated', { exact: true }).first().waitFor({ timeout: 60_000 })
  await result.getByRole('button', { name: 'Merge', exact: true }).click()
  await stopWhileRunning(page, host)
  await runAgain(page, host)
}

/** One thread makes the merge last long enough on any machine; it is also how the setting is changed. */
async function setOneThread(page: Page): Promise<void> {
  await page.keyboard.press('Control+,')
  await page.getByRole('textbox', { name: 'Threads', exact: true }).fill('300')
  await page.getByText('Threads must be a whole number from 0 to 256').waitFor()
  await page.getByRole('textbox', { name: 'Threads', exact: true }).fill('1')
  await page.getByText('saved').waitFor()
}

async function stopWhileRunning(page: Page, host: string): Promise<void> {
  const job = page.getByRole('region', { name: 'This merge' })
  const bar = job.getByRole('progressbar')
  await bar.and(page.locator('[aria-valuenow]:not([aria-valuenow="0"])')).waitFor()
  assert.match((await bar.getAttribute('aria-valuetext')) ?? '', /\d+ %/, 'the progress has words')
  // A picture takes a good part of a fast machine's merge: only where it is kept.
  if (keepsPictures) await picture(page, host, 'merge-running-light')
  const asked = Date.now()
  await job.getByRole('button', { name: 'Stop' }).click()
  await job.getByText('cancelled').waitFor()
  const stoppedMs = Date.now() - asked
  // The queue stops within 200 ms; the rest is the browser and Playwright on a busy machine.
  assert.ok(stoppedMs < 2000, `stopping took ${stoppedMs} ms`)
  await job.getByRole('button', { name: 'Show in Jobs' }).click()
}

async function runAgain(page: Page, host: string): Promise<void> {
  const table = page.getByRole('table', { name: 'Jobs, newest first' })
  const detail = page.getByRole('region', { name: 'Job details' })
  await detail.getByRole('button', { name: 'Run again' }).click()
  await table
    .getByText(/^merging|^done$/)
    .first()
    .waitFor()
  await pictures(page, host, 'jobs-running')
  await assertAccessible(page, 'a running job')
  await table.getByText('done').waitFor({ timeout: 120_000 })
  assert.equal(await table.getByText('cancelled').count(), 1)
  await detail.getByRole('button', { name: 'Open result' }).waitFor()
}
