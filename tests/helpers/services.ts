/** Everything behind the requests, as the app opens it, over a folder of its own. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openServices, type Services } from '../../src-main/ipc/services.ts'
import { silentLog } from '../../src-main/platform/log.ts'
import { appPathsFrom } from '../../src-main/platform/paths.ts'

export interface OpenedServices {
  readonly services: Services
  readonly folder: string
  close(): Promise<void>
}

/** Opens a fresh library, or an earlier one's folder again; `close` removes it. */
export function openTestServices(folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-services-')))): OpenedServices {
  const services = openServices({
    version: '9.8.7',
    paths: appPathsFrom(import.meta.dirname, join(folder, 'library')),
    log: silentLog,
    clock: () => new Date(),
    preventSleep: () => () => undefined,
    emit: () => undefined,
  })
  return {
    services,
    folder,
    async close() {
      await services.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
