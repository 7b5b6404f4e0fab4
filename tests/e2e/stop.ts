/** A merge that takes a while: its progress is followed, it is stopped, and it is run again. */
import { strict as assert } from 'node:assert'
import type { Page } from 'playwright-core'
import { assertAccessible, dropOnWindow, pictures, sizes } from './screen.ts'

export interface StopOptions {
  readonly host: string
  /** A folder with two large adapters. */
  readonly folder: string
}

/** Needs an empty library. */
export async function stop(page: Page, { host, folder }: StopOptions): Promise<void> {
  await page.setViewportSize(sizes.large)
  await page.getByRole('heading', { name: 'No adapters yet' }).waitFor()
  await dropOnWindow(page, [folder])
  await page.getByText('Import finished', { exact: true }).waitFor({ timeout: 60_000 })
  await page.getByRole('row').filter({ hasText: 'large-a' }).getByText('ok').waitFor({ timeout: 60_000 })
  await page.getByRole('row').filter({ hasText: 'large-b' }).getByText('ok').waitFor({ timeout: 60_000 })
  await page.getByText('large-a', { exact: true }).first().click()
  for (const key of ['Space', 'ArrowDown', 'Space']) await page.keyboard.press(key)
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Merge' }).click()
  await page.getByRole('region', { name: 'Result' }).locator('dt', { hasText: 'Rank' }).waitFor({ timeout: 60_000 })
  const mergeButton = page.getByRole('region', { name: 'Result' }).getByRole('button', { name: 'Merge', exact: true })
  await mergeButton.click()

  const job = page.getByRole('region', { name: 'This merge' })
  const bar = job.getByRole('progressbar')
  await bar.waitFor()
  await page.waitForFunction(
    () => Number(document.querySelector('[aria-label="This merge"] [role=progressbar]')?.getAttribute('aria-valuenow')) > 0,
  )
  assert.match((await bar.getAttribute('aria-valuetext')) ?? '', /\d+ %/, 'the progress has words')
  await pictures(page, host, 'merge-running')
  const asked = Date.now()
  await job.getByRole('button', { name: 'Stop' }).click()
  await job.getByText('cancelled').waitFor({ timeout: 10_000 })
  const stoppedMs = Date.now() - asked
  // The queue stops within 200 ms; the rest is the browser and Playwright on a busy machine.
  assert.ok(stoppedMs < 2000, `stopping took ${stoppedMs} ms`)

  await job.getByRole('button', { name: 'Show in Jobs' }).click()
  const detail = page.getByRole('region', { name: 'Job details' })
  await detail.getByRole('button', { name: 'Run again' }).click()
  await page.getByRole('table', { name: 'Jobs, newest first' }).getByText('running').first().waitFor({ timeout: 20_000 })
  await assertAccessible(page, 'a running job')
  await pictures(page, host, 'jobs-running')
  await page.getByRole('table', { name: 'Jobs, newest first' }).getByText('done').waitFor({ timeout: 120_000 })
  assert.equal(await page.getByRole('table', { name: 'Jobs, newest first' }).getByText('cancelled').count(), 1)
  await detail.getByRole('button', { name: 'Open result' }).waitFor()
}
