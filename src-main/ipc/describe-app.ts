import type { AppInfo } from '../contract/settings.ts'
import type { HostPort } from './host-port.ts'
import type { Services } from './services.ts'

/** What the settings page and the status line show of the app itself. */
export function describeApp(services: Services, host: HostPort): AppInfo {
  return {
    version: host.version,
    host: host.kind,
    libraryFolder: host.paths.library,
    outputFolder: services.outputFolder(),
    device: services.engine.devices(),
    canPick: host.canPick,
    demoAvailable: services.demoFolder !== null,
    recovery: null,
  }
}
