import { createContext } from 'svelte'
import type { Announcer } from './announce.svelte.ts'
import type { Bridge } from '../bridge.ts'
import type { Commands } from './commands.svelte.ts'
import type { Connection } from './connection.svelte.ts'
import type { InfoState } from './info.svelte.ts'
import type { JobsState } from './jobs.svelte.ts'
import type { MergeState } from './merge.svelte.ts'
import type { Navigation } from './navigation.svelte.ts'
import type { Selection } from './selection.svelte.ts'
import type { SettingsState } from './settings.svelte.ts'

/** Everything the views share; made once in main.ts by createApp, reached with getApp(). */
export interface AppState {
  readonly bridge: Bridge
  readonly connection: Connection
  readonly info: InfoState
  readonly settings: SettingsState
  readonly announcer: Announcer
  readonly commands: Commands
  readonly navigation: Navigation
  readonly selection: Selection
  readonly jobs: JobsState
  readonly merge: MergeState
}

/** getApp: the shared state, inside any component of the window. setApp: called once, by App.svelte. */
export const [getApp, setApp] = createContext<AppState>()
