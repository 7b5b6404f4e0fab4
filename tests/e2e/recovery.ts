/** A library that was damaged while the app was closed: the window offers its backup, and goes on with it. */
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { assertAccessible, pictures, sizes } from './screen.ts'
import { demoAdapters } from '../helpers/demo.ts'

const cli = fileURLToPath(new URL('../../src-main/cli.ts', import.meta.url))
const taken = ['bank-r16', 'topic-r16']

/** Makes a library of two adapters with its automatic backup in `library`, and damages it. */
export function makeDamagedLibrary(library: string): void {
  const amalgam = (...words: readonly string[]): unknown => execFileSync(process.execPath, [cli, ...words, '--library', library, '--json'])
  amalgam('import', ...taken.map((name) => join(demoAdapters, name)))
  // The backup of the day is made by whatever opens a library that holds something.
  amalgam('ls')
  const file = join(library, 'library.sqlite')
  const bytes = readFileSync(file)
  bytes.fill(0x5a, 0, 8192)
  writeFileSync(file, bytes)
}

/** Restores the backup in the window that opened on a damaged library. */
export async function recovery(page: Page, { host, folder }: { readonly host: string; readonly folder: string }): Promise<void> {
  await page.setViewportSize(sizes.large)
  await page.getByRole('heading', { name: 'The library is damaged' }).waitFor()
  await assertAccessible(page, 'a damaged library')
  await pictures(page, host, 'recovery')
  assert.equal(await page.getByRole('list', { name: 'Backups, newest first' }).getByRole('listitem').count(), 1)
  await page.getByText('2 adapters').waitFor()
  await page.getByRole('button', { name: 'Start with an empty library' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: /^Restore the backup of/ }).click()
  await page.getByRole('grid', { name: 'Adapters' }).waitFor()
  for (const name of taken) await page.getByRole('row').filter({ hasText: name }).getByText('ok', { exact: true }).waitFor()
  const kept = readdirSync(join(folder, 'library')).filter((name) => name.includes('.damaged-'))
  assert.equal(kept.length, 1, 'the damaged library is kept')
}
