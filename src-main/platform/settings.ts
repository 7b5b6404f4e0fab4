import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { settingsSchema, type Settings } from '../contract/settings.ts'
import type { Log } from './log.ts'
import { writeFileWhole } from './write-file.ts'

/** Some settings; what is undefined stays as it is. */
export type SettingsPatch = { readonly [K in keyof Settings]?: Settings[K] | undefined }

/** The settings of one library, kept in its settings.json. */
export interface SettingsStore {
  get(): Settings
  /** Changes some settings and resolves, with all of them, when they are on disk. */
  set(patch: SettingsPatch): Promise<Settings>
}

/** Reads the settings of the library in `folder`. A file that cannot be used is set aside as settings.json.bad, with a warning in the log. */
export function openSettings(folder: string, log: Log): SettingsStore {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'settings.json')
  let current = readSettings(file, log)
  let written: Promise<void> = Promise.resolve()
  return {
    get: () => current,
    async set(patch) {
      const given = Object.entries(patch).filter(([, value]) => value !== undefined)
      current = v.parse(settingsSchema, { ...current, ...Object.fromEntries(given) })
      const snapshot = current
      const write = written.then(() => writeFileWhole(file, `${JSON.stringify(snapshot, null, 2)}\n`))
      // The caller gets the failure; the next write goes ahead whatever became of this one.
      written = write.catch(() => undefined)
      await write
      return snapshot
    },
  }
}

function readSettings(file: string, log: Log): Settings {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn('settings cannot be read; defaults are used', { file, error: String(error) })
    return v.parse(settingsSchema, {})
  }
  try {
    return v.parse(settingsSchema, JSON.parse(text))
  } catch (error) {
    renameSync(file, `${file}.bad`)
    log.warn('settings are not valid; defaults are used and the file is kept beside as .bad', { file, error: String(error) })
    return v.parse(settingsSchema, {})
  }
}
