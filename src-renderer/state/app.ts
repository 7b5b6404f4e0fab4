import { createBridge } from '../bridge.ts'
import { AdapterActions } from './adapter-actions.ts'
import { Announcer } from './announce.svelte.ts'
import { BasesState } from './bases.svelte.ts'
import { CollectionsState } from './collections.svelte.ts'
import { CompareDraft } from './compare-draft.svelte.ts'
import { CompareState } from './compare.svelte.ts'
import { Commands } from './commands.svelte.ts'
import { Connection } from './connection.svelte.ts'
import type { AppState } from './context.ts'
import { DetailState } from './detail.svelte.ts'
import { AdaptDraft } from './adapt-draft.svelte.ts'
import { AdaptState } from './adapt.svelte.ts'
import { EvaluateDraft } from './evaluate-draft.svelte.ts'
import { EvaluateState } from './evaluate.svelte.ts'
import { ExportState } from './export.svelte.ts'
import { GuideState } from './guide.svelte.ts'
import { ImportsState } from './imports.svelte.ts'
import { InfoState } from './info.svelte.ts'
import { InspectState } from './inspect.svelte.ts'
import { JobsState } from './jobs.svelte.ts'
import { LibraryInspection } from './library-inspection.svelte.ts'
import { LibraryState } from './library.svelte.ts'
import { LibraryTable } from './library-table.svelte.ts'
import { LicencesState } from './licences.svelte.ts'
import { MergeState } from './merge.svelte.ts'
import { Navigation } from './navigation.svelte.ts'
import { RecoveryState } from './recovery.svelte.ts'
import { RunActions } from './run-actions.svelte.ts'
import { RunsState } from './runs.svelte.ts'
import { Selection } from './selection.svelte.ts'
import { WatchingState } from './settings-watching.svelte.ts'
import { SettingsState } from './settings.svelte.ts'
import { TaskImportState } from './task-import.svelte.ts'
import { TasksState } from './tasks.svelte.ts'
import { TryState } from './try.svelte.ts'
import { UndoState } from './undo.svelte.ts'
import { ViewsState } from './views.svelte.ts'

/** Makes every piece of shared state. A new one is a line here and a field in context.ts. */
export function createApp(window: Window): AppState {
  const connection = new Connection(window)
  const bridge = createBridge(connection.wire)
  const settings = new SettingsState(bridge)
  const announcer = new Announcer()
  const selection = new Selection(bridge)
  const library = new LibraryState(bridge)
  const detail = new DetailState(bridge)
  const bases = new BasesState(bridge, announcer)
  const merge = new MergeState(bridge, settings, announcer)
  const evaluate = new EvaluateState(bridge, announcer, bases)
  const adapt = new AdaptState(bridge, announcer, bases)
  const tasks = new TasksState(bridge, announcer)
  const compare = new CompareState(bridge, announcer)
  const runs = new RunsState(bridge)
  const undo = new UndoState(bridge, announcer)
  const info = new InfoState(bridge)
  const imports = new ImportsState(bridge, announcer)
  return {
    bridge,
    connection,
    info,
    settings,
    announcer,
    commands: new Commands(window.navigator.platform),
    navigation: new Navigation(),
    selection,
    library,
    detail,
    table: new LibraryTable(library, selection, detail),
    imports,
    actions: new AdapterActions(bridge, announcer, selection, undo),
    undo,
    collections: new CollectionsState(bridge, announcer, undo),
    views: new ViewsState(bridge, announcer),
    inspection: new LibraryInspection(bridge),
    watching: new WatchingState(bridge),
    jobs: new JobsState(bridge, announcer),
    merge,
    inspect: new InspectState(bridge),
    bases,
    tasks,
    taskImport: new TaskImportState(bridge, announcer, tasks),
    evaluate,
    evaluateDraft: new EvaluateDraft(bridge, { evaluate, selection, merge }),
    adapt,
    adaptDraft: new AdaptDraft(bridge, adapt, selection),
    compare,
    runs,
    runActions: new RunActions(bridge, announcer, runs),
    guide: new GuideState({ info, settings, library, bases, tasks, imports, compare }),
    compareDraft: new CompareDraft(bridge, { compare, bases, tasks, selection }),
    trying: new TryState(bridge),
    exports: new ExportState(bridge),
    licences: new LicencesState(bridge),
    recovery: new RecoveryState(bridge),
  }
}

/** Asks the host for everything that is shown from the start, and again whenever a lost connection is back. */
export async function loadApp(app: AppState): Promise<void> {
  app.connection.onRestored(() => void Promise.all([app.library.refresh(), loadRest(app)]))
  await enterApp(app)
}

/** The same without listening, for the moment when a damaged library was put right. */
export async function enterApp(app: AppState): Promise<void> {
  const settings = app.settings.load()
  // Rows are what the person waits for, so they are asked for in the same breath. Settings are answered first: if they remember
  // another order, rows are asked for again before any of them is drawn.
  app.library.askRows()
  await settings
  if (app.settings.damaged) return app.info.load()
  app.library.order(app.settings.layout('library.sort'))
  await Promise.all([app.library.loadCounts(), loadRest(app), app.merge.restore()])
}

async function loadRest(app: AppState): Promise<void> {
  await Promise.all([
    app.info.load(),
    app.jobs.load(),
    app.imports.load(),
    app.detail.refresh(),
    app.inspect.refresh(),
    app.collections.load(),
    app.views.load(),
    app.bases.load(),
    app.tasks.load(),
    app.adapt.load(),
    app.compare.load(),
    app.undo.load(),
  ])
}
