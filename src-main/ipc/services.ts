import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AdapterDetail } from '../contract/adapter.ts'
import { Refusal } from '../contract/problems.ts'
import type { Settings } from '../contract/settings.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { createAdaptRunners } from '../jobs/adapt-runners.ts'
import type { AdaptServices } from '../jobs/adapt-types.ts'
import { createEvaluateRunner } from '../jobs/evaluate.ts'
import { createPromptCache } from '../jobs/evaluate-prompts.ts'
import type { EvaluateServices } from '../jobs/evaluate-services.ts'
import { createPrompter, type Prompter } from '../jobs/evaluate-try.ts'
import { createExportRunner } from '../jobs/export.ts'
import { createCompareRunner } from '../jobs/compare.ts'
import { withoutTest } from '../jobs/labelled-tasks.ts'
import { createMergeRunner } from '../jobs/merge.ts'
import { createQueue, type Queue } from '../jobs/queue.ts'
import { backUpWhenDue } from '../library/back-up-daily.ts'
import { unknownAdapter } from '../library/edit-adapters.ts'
import { createBaseKeeper, type BaseKeeper } from '../library/base-keeper.ts'
import { createImporter, type Importer } from '../library/importer.ts'
import { loadCatalogue } from '../library/load-catalogue.ts'
import { openLibrary, type Library } from '../library/open-library.ts'
import { createFolderWatcher, type FolderWatcher } from '../library/watch-folders.ts'
import { openTokenizer } from '../tasks/tokenizer.ts'
import { openSettings, type SettingsPatch, type SettingsStore } from '../platform/settings.ts'
import { createPreviewer, type Previewer } from '../recipes/preview.ts'
import { createPlanAblator, type PlanAblator } from '../plans/plan-ablator.ts'
import { createPlanComparer } from '../plans/plan-comparer.ts'
import type { PlanDescriber } from '../plans/plan-detail.ts'
import type { PlanServices } from '../plans/plan-services.ts'
import { createPlanRunner, type PlanRunner } from '../plans/run-plan.ts'
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
  readonly watcher: FolderWatcher
  /** Takes base models in and watches over their files. */
  readonly bases: BaseKeeper
  readonly queue: Queue
  readonly previewer: Previewer
  /** What evaluations are planned and run with. */
  readonly evaluation: EvaluateServices
  /** What choosing, tuning, searching and training are planned and run with. */
  readonly adapt: AdaptServices
  readonly prompter: Prompter
  /** Runs plans of a comparison. */
  readonly plans: PlanRunner
  /** Leaves adapters of their merges out. */
  readonly planAblator: PlanAblator
  /** What plans are checked and run with. */
  readonly planServices: PlanServices
  /** What plans are compared and described with. */
  readonly planDescriber: PlanDescriber
  readonly emit: Publisher['emit']
  /** Folder of the demo pool; null where the app came without it. */
  readonly demoFolder: string | null
  /** Folder of the demo's base model. */
  readonly demoBase: string
  /** Where merged adapters go: the folder in the settings, or the library's own. */
  outputFolder(): string
  changeSettings(patch: SettingsPatch): Promise<Settings>
  /** The adapter with this id; a Refusal when there is none. */
  adapterOf(id: string): AdapterDetail
  /** Starts importing the demo pool. */
  importDemo(): ReturnType<Importer['start']>
  /** Takes up what an earlier process left: interrupted jobs are marked, queued ones run, pending checks go on. For hosts that stay. */
  takeUp(): Promise<void>
  close(): Promise<void>
}

/** Opens the library in `paths` and joins everything over it. Throws a Refusal when it cannot be opened. */
export function openServices(options: ServicesOptions): Services {
  const { paths, log, clock, emit, version } = options
  // First of all: it makes the folder, and says in words why it cannot be used.
  const library = openLibrary({ folder: paths.library, log, now: clock })
  const backedUp = backUpWhenDue(library.file, clock(), log)
  const settings = openSettings(paths.library, log)
  const { adapters } = library
  const engine = createEngine({ threads: () => settings.get().threads })
  const outputFolder = (): string => settings.get().outputFolder ?? paths.outputs
  const emitChanged = (ids: readonly string[]): void => emit('library.changed', { ids: [...ids] })
  const importer = createImporter({
    library,
    inspect: (request, signal) => engine.inspect(request, signal),
    emitChanged,
    emitProgress: (progress) => emit('import.progress', progress),
    log,
  })
  const watcher = createFolderWatcher({ importer, log, emitChanged: () => emit('library.toolsChanged', {}) })
  const bases = createBaseKeeper({
    bases: library.bases,
    checkpoint: (folder, signal) => engine.checkpoint(folder, signal),
    emitChanged: () => emit('bases.changed', {}),
    log,
  })
  const closing = new AbortController()
  const checkedStamp = (folder: string): string | null => adapters.writes.atPath(folder)?.stamp ?? null
  const evaluation: EvaluateServices = {
    engine,
    adapters,
    bases: library.bases,
    lookAtBases: () => bases.rescan(),
    tasks: library.tasks,
    runs: library.runs,
    prompts: createPromptCache(openTokenizer),
    checkedStamp,
    settings: () => settings.get(),
    workFolder: join(paths.library, 'evaluations'),
    emitRuns: (baseId) => emit('runs.changed', { baseId }),
    appVersion: version,
  }
  const labelled = withoutTest(library.tasks)
  const adapt: AdaptServices = {
    ...{ engine, adapters, checkedStamp, settings: () => settings.get(), prompts: evaluation.prompts, runs: library.runs },
    bases: library.bases,
    lookAtBases: evaluation.lookAtBases,
    tasks: labelled,
    evaluation: { ...evaluation, tasks: labelled },
    adaptations: library.adaptations,
    importFolder: importer.importFolder,
    outputsFolder: outputFolder,
    workFolder: join(paths.library, 'adaptations'),
    emitAdapt: (jobId) => emit('adapt.changed', { jobId }),
    appVersion: version,
    now: clock,
  }
  const queue = createQueue({
    store: library.jobs,
    runners: {
      merge: createMergeRunner({
        engine,
        adapters,
        checkedStamp,
        importFolder: importer.importFolder,
        outputsFolder: outputFolder,
        appVersion: version,
        now: clock,
      }),
      export: createExportRunner({ engine, adapters, checkedStamp, appVersion: version }),
      evaluate: createEvaluateRunner(evaluation),
      ...createAdaptRunners(adapt),
      compare: createCompareRunner({ engine, adapters, similarities: library.similarities, checkedStamp, emitChanged }),
    },
    emit: { changed: (job) => emit('job.changed', job), removed: (id) => emit('job.removed', { id }) },
    logFolder: paths.logs,
    log,
    provenance: () => provenanceOf(version, engine),
    preventSleep: options.preventSleep,
    now: clock,
  })
  const previewer = createPreviewer({ engine, source: adapters, context: { device: 'cpu' } })
  const prompter = createPrompter({
    ...evaluation,
    computing: () => queue.list().find(({ kind, state }) => kind === 'evaluate' && ['running', 'stopping'].includes(state))?.title ?? null,
    cacheFolder: paths.cache,
  })
  const emitPlan = (planId: string): void => emit('plans.changed', { planId })
  const comparer = createPlanComparer({ plans: library.plans, emitPlan, log })
  /** A plan that ended is compared, so that lists have its headline before it is opened. */
  const tellPlan = (planId: string): void => {
    emitPlan(planId)
    comparer.settle(planId)
  }
  const planServices: PlanServices = { library, queue, adapt, evaluation, emitPlan: tellPlan, appVersion: version, now: clock }
  const plans = createPlanRunner(planServices)
  const planAblator = createPlanAblator(planServices, log)
  const demoFolder = join(paths.resources, 'demo', 'adapters')
  return {
    settings,
    library,
    engine,
    importer,
    watcher,
    bases,
    queue,
    previewer,
    evaluation,
    adapt,
    prompter,
    plans,
    planServices,
    planAblator,
    planDescriber: { plans: library.plans, comparer, appVersion: version, progressOf: (planId) => plans.progressOf(planId) },
    emit,
    demoFolder: existsSync(demoFolder) ? demoFolder : null,
    demoBase: join(paths.resources, 'demo', 'base-model'),
    outputFolder,
    async changeSettings(patch) {
      const changed = await settings.set(patch)
      emit('settings.changed', changed)
      if (patch.watchedFolders) void watcher.watch(changed.watchedFolders)
      return changed
    },
    adapterOf(id) {
      const adapter = adapters.get(id)
      if (!adapter) throw new Refusal([unknownAdapter(id)])
      return adapter
    },
    importDemo: () => importer.start([demoFolder], { origin: 'demo', tags: ['demo'] }),
    async takeUp() {
      await queue.open()
      plans.takeUp()
      planAblator.takeUp()
      importer.resumeChecks()
      bases.takeUp()
      loadCatalogue(adapters, closing.signal).catch((error: unknown) =>
        log.error('the catalogue could not be loaded', { error: String(error) }),
      )
      void watcher.watch(settings.get().watchedFolders)
      // Files may have moved while nothing was running; a window that opens does not wait for the look.
      importer.rescan().catch((error: unknown) => log.error('the look for missing files ended', { error: String(error) }))
    },
    async close() {
      previewer.close()
      prompter.close()
      closing.abort()
      await watcher.close()
      await Promise.all([plans.close(), planAblator.close()])
      await queue.close()
      await importer.close()
      await bases.close()
      await comparer.close()
      await backedUp
      library.close()
    },
  }
}

/** What a result depends on besides its recipe and its sources. */
function provenanceOf(version: string, engine: Engine): Readonly<Record<string, string>> {
  const { device, processor, instructions, threads, nativeBuild } = engine.devices()
  return {
    appVersion: version,
    nativeBuild: nativeBuild ?? 'not built',
    device: `${device} (${processor}, ${instructions})`,
    threads: String(threads),
  }
}
