import { createContext } from 'svelte'
import type { AdaptDraft } from './adapt-draft.svelte.ts'
import type { AdaptState } from './adapt.svelte.ts'
import type { AdapterActions } from './adapter-actions.ts'
import type { Announcer } from './announce.svelte.ts'
import type { BasesState } from './bases.svelte.ts'
import type { Bridge } from '../bridge.ts'
import type { CollectionsState } from './collections.svelte.ts'
import type { CompareDraft } from './compare-draft.svelte.ts'
import type { CompareState } from './compare.svelte.ts'
import type { Commands } from './commands.svelte.ts'
import type { Connection } from './connection.svelte.ts'
import type { DetailState } from './detail.svelte.ts'
import type { EvaluateDraft } from './evaluate-draft.svelte.ts'
import type { EvaluateState } from './evaluate.svelte.ts'
import type { ExportState } from './export.svelte.ts'
import type { GuideState } from './guide.svelte.ts'
import type { ImportsState } from './imports.svelte.ts'
import type { InfoState } from './info.svelte.ts'
import type { InspectState } from './inspect.svelte.ts'
import type { JobsState } from './jobs.svelte.ts'
import type { LibraryInspection } from './library-inspection.svelte.ts'
import type { LibraryState } from './library.svelte.ts'
import type { LibraryTable } from './library-table.svelte.ts'
import type { LicencesState } from './licences.svelte.ts'
import type { MergeState } from './merge.svelte.ts'
import type { Navigation } from './navigation.svelte.ts'
import type { RecoveryState } from './recovery.svelte.ts'
import type { RunActions } from './run-actions.svelte.ts'
import type { RunsState } from './runs.svelte.ts'
import type { Selection } from './selection.svelte.ts'
import type { WatchingState } from './settings-watching.svelte.ts'
import type { SettingsState } from './settings.svelte.ts'
import type { TaskImportState } from './task-import.svelte.ts'
import type { TasksState } from './tasks.svelte.ts'
import type { TryState } from './try.svelte.ts'
import type { UndoState } from './undo.svelte.ts'
import type { ViewsState } from './views.svelte.ts'

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
  readonly library: LibraryState
  readonly table: LibraryTable
  readonly detail: DetailState
  readonly imports: ImportsState
  readonly actions: AdapterActions
  readonly undo: UndoState
  readonly collections: CollectionsState
  readonly views: ViewsState
  /** Of the adapter in the detail pane. */
  readonly inspection: LibraryInspection
  readonly watching: WatchingState
  readonly jobs: JobsState
  readonly merge: MergeState
  readonly inspect: InspectState
  readonly bases: BasesState
  readonly tasks: TasksState
  readonly taskImport: TaskImportState
  readonly evaluate: EvaluateState
  readonly evaluateDraft: EvaluateDraft
  readonly adapt: AdaptState
  readonly adaptDraft: AdaptDraft
  readonly compare: CompareState
  readonly runs: RunsState
  readonly runActions: RunActions
  /** First steps through the demo. */
  readonly guide: GuideState
  readonly compareDraft: CompareDraft
  readonly trying: TryState
  readonly exports: ExportState
  readonly licences: LicencesState
  /** While the library is damaged. */
  readonly recovery: RecoveryState
}

/** getApp: the shared state, inside any component of the window. setApp: called once, by App.svelte. */
export const [getApp, setApp] = createContext<AppState>()
