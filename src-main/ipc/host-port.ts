import type { AppInfo } from '../contract/settings.ts'
import type { Log } from '../platform/log.ts'
import type { AppPaths } from '../platform/paths.ts'

/** Which paths a window may name in a request: those under registered folders, and those a person chose in a dialog or dropped. */
export interface PathAccess {
  /** Registers a folder or file; everything under a folder is allowed with it. */
  allow(path: string): void
  /** True when `path`, with every link followed, is or lies under something registered. */
  isAllowed(path: string): Promise<boolean>
}

/** All that the app needs of the place it runs in. The Electron shell and the web host each make one; nothing else differs between them. */
export interface HostPort {
  readonly kind: AppInfo['host']
  /** The app's version, from its package.json. */
  readonly version: string
  readonly paths: AppPaths
  readonly access: PathAccess
  readonly log: Log
  readonly clock: () => Date
  /** True where native dialogs can be shown and folders revealed. */
  readonly canPick: boolean
  /** Asks for one folder; null when the person closed the dialog. What was chosen is allowed from then on. */
  pickFolder(title: string): Promise<string | null>
  /** Asks for one file with one of these endings (without a dot); null when the person closed the dialog. What was chosen is allowed from then on. */
  pickFile(title: string, endings: readonly string[]): Promise<string | null>
  /** Asks for folders or files that hold adapters; empty when the person closed the dialog. */
  pickAdapters(): Promise<readonly string[]>
  /** Shows a file or folder in the system's file manager. */
  reveal(path: string): Promise<void>
  /** Keeps the machine awake until the returned function is called. */
  preventSleep(): () => void
}
