import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostPort } from '../ipc/host-port.ts'
import { openFileLog, type FileLog } from '../platform/log.ts'
import { appPathsFrom, appRoot } from '../platform/paths.ts'
import { createPathAccess } from './path-access.ts'

export interface PortOptions {
  /** A folder of the app's code, from which its resources and its built window are found. */
  readonly codeFolder: string
  /** The default library when undefined. */
  readonly libraryFolder: string | undefined
  /** Folders whose contents may be imported and exported to by path, besides the library's own. */
  readonly roots: readonly string[]
  /** Gets the warnings and errors of the log besides the file. */
  readonly echo: (line: string) => void
}

/** The part of the port that is the same for every host. */
export interface CommonPort extends Pick<HostPort, 'version' | 'paths' | 'access' | 'clock'> {
  readonly log: FileLog
}

/** Paths, path policy, log and clock of the library that the options name. */
export function openCommonPort(options: PortOptions): CommonPort {
  const paths = appPathsFrom(options.codeFolder, options.libraryFolder)
  return {
    version: appVersion(appRoot(options.codeFolder)),
    paths,
    access: createPathAccess([paths.library, join(paths.resources, 'demo'), ...options.roots]),
    clock: () => new Date(),
    log: openFileLog({ file: join(paths.logs, 'amalgam.log'), echo: options.echo }),
  }
}

/** The version in the package.json of the app's root folder. */
export function appVersion(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return String((manifest as { readonly version?: unknown }).version)
}
