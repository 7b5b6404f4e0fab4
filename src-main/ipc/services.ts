import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from '../contract/settings.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { createMergeRunner } from '../jobs/merge.ts'
import { createQueue, type Queue } from '../jobs/queue.ts'
import { createImporter, type Importer } from '../library/importer.ts'
import { openLibrary, type Library } from '../library/open-library.ts'
import { openSettings, type SettingsStore } from '../platform/settings.ts'
import { createPreviewer, type Previewer } from '../recipes/preview.ts'
import type { HostPort } from './host-port.ts'
import type { Publisher } from './publish.ts'

/** What the services need of the place they run in; the command line gives it without a window. */
export interface ServicesOptions extends Pick<HostPort, 'version' | 'paths' | 'log' | 'clock' | 'preventSleep'> {
  readonly emit: Publisher['emit']
}

/** Everything behind the requests, composed once. */
export interface Services {
  readonly settings: SettingsStore
  readonly library: Library
  readonly engine: Engine
  readonly importer: Importer
  readonly queue: Queue
  readonly previewer: Previewer
  /** Folder of the demo pool; null where the app came without it. */
  readonly demoFolder: string | null
  /** Where merged adapters go: the folder in the settings, or the library's own. */
  outputFolder(): string
  /** Starts importing the demo pool. */
  importDemo(): ReturnType<Importer['start']>
  /** Takes up what an earlier process left: interrupted jobs are marked, queued ones run, pending checks go on. For hosts that stay. */
  takeUp(): void
  close(): Promise<void>
}
