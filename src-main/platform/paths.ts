import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve, sep } from 'node:path'

/** Every folder the app uses, absolute. Only `library` and what lies under it is ever written to (and the output folder a person chooses). */
export interface AppPaths {
  /** Database, settings and everything below. */
  readonly library: string
  /** Where merged adapters go unless the settings name another folder. */
  readonly outputs: string
  /** The app's log and the log of each job. */
  readonly logs: string
  /** What may be deleted at any time. */
  readonly cache: string
  /** Files dropped into a browser window, one folder for each drop. */
  readonly inbox: string
  /** Demo pool, licences, icons: read only. */
  readonly resources: string
  /** The built window: index.html and its assets, read only. */
  readonly renderer: string
}

/** The folders of one library. */
export function appPaths(options: { readonly libraryFolder: string; readonly resources: string; readonly renderer: string }): AppPaths {
  const library = resolve(options.libraryFolder)
  return {
    library,
    outputs: join(library, 'outputs'),
    logs: join(library, 'logs'),
    cache: join(library, 'cache'),
    inbox: join(library, 'inbox'),
    resources: resolve(options.resources),
    renderer: resolve(options.renderer),
  }
}

/** The environment that decides where the default library lies. */
export interface PlaceOfData {
  readonly platform: NodeJS.Platform
  readonly home: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

const thisMachine = (): PlaceOfData => ({ platform: process.platform, home: homedir(), environment: process.env })

/** The library used when none is named: the place each operating system keeps for an app's data. */
export function defaultLibraryFolder(place: PlaceOfData = thisMachine()): string {
  const { environment, home, platform } = place
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'amalgam')
  if (platform === 'win32') return join(environment['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'amalgam')
  return join(environment['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'amalgam')
}

/** The folder that holds the app's package.json, looked for from `start` upwards; works from sources, from the bundle and from a package. */
export function appRoot(start: string): string {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dirname(folder) === folder) throw new Error(`no package.json above ${start}`)
  }
}

/** Paths of the app whose code lies at or below `start`, for the library in `libraryFolder` (the default one when it is not given). */
export function appPathsFrom(start: string, libraryFolder: string | undefined): AppPaths {
  const root = appRoot(start)
  return appPaths({
    libraryFolder: libraryFolder ?? defaultLibraryFolder(),
    resources: join(unpacked(root), 'resources'),
    renderer: join(root, 'out', 'renderer'),
  })
}

/** Native code and plain tools cannot read inside a package archive; what they need lies beside it, unpacked. */
function unpacked(root: string): string {
  return root.endsWith(`${sep}app.asar`) ? `${root}.unpacked` : root
}
