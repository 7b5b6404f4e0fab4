import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog, type Log } from '../../../src-main/platform/log.ts'
import { openSettings } from '../../../src-main/platform/settings.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'amalgam-settings-'))
const defaults = {
  appearance: 'system',
  threads: 0,
  device: 'automatic',
  memoryGigabytes: 0,
  outputFolder: null,
  watchedFolders: [],
  layout: {},
}

test('without a file the defaults hold', () => {
  expect(openSettings(folder(), silentLog).get()).toEqual(defaults)
})

test('what is set is there after opening again, and nothing else is left behind', async () => {
  const library = folder()
  const settings = openSettings(library, silentLog)
  await Promise.all([settings.set({ appearance: 'dark' }), settings.set({ threads: 3 })])
  expect(openSettings(library, silentLog).get()).toEqual({ ...defaults, appearance: 'dark', threads: 3 })
  expect(readdirSync(library)).toEqual(['settings.json'])
})

test('an invalid value is refused and changes nothing', async () => {
  const library = folder()
  const settings = openSettings(library, silentLog)
  await expect(settings.set({ threads: -1 })).rejects.toThrow(/0/)
  expect(settings.get()).toEqual(defaults)
  expect(existsSync(join(library, 'settings.json'))).toBe(false)
})

test.each([
  ['not JSON', '{"appearance": '],
  ['not valid', '{"appearance": "pink"}'],
])('a file that is %s is kept aside and warned about', (_name, text) => {
  const library = folder()
  writeFileSync(join(library, 'settings.json'), text)
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) }
  expect(openSettings(library, log).get()).toEqual(defaults)
  expect(warnings).toHaveLength(1)
  expect(readFileSync(join(library, 'settings.json.bad'), 'utf8')).toBe(text)
})
