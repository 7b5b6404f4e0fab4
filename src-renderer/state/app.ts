import { createBridge } from '../bridge.ts'
import { Announcer } from './announce.svelte.ts'
import { Commands } from './commands.svelte.ts'
import { Connection } from './connection.svelte.ts'
import type { AppState } from './context.ts'
import { InfoState } from './info.svelte.ts'
import { JobsState } from './jobs.svelte.ts'
import { MergeState } from './merge.svelte.ts'
import { Navigation } from './navigation.svelte.ts'
import { Selection } from './selection.svelte.ts'
import { SettingsState } from './settings.svelte.ts'

/** Makes every piece of shared state. A new one is a line here and a field in context.ts. */
export function createApp(window: Window): AppState {
  const connection = new Connection(window)
  const bridge = createBridge(connection.wire)
  const settings = new SettingsState(bridge)
  const announcer = new Announcer()
  return {
    bridge,
    connection,
    info: new InfoState(bridge),
    settings,
    announcer,
    commands: new Commands(window.navigator.platform),
    navigation: new Navigation(),
    selection: new Selection(),
    jobs: new JobsState(bridge, announcer),
    merge: new MergeState(bridge, settings, announcer),
  }
}
