import type { BasesState } from './bases.svelte.ts'
import type { CompareState } from './compare.svelte.ts'
import { guideSteps } from './guide-steps.ts'
import type { ImportsState } from './imports.svelte.ts'
import type { InfoState } from './info.svelte.ts'
import type { LibraryState } from './library.svelte.ts'
import type { SettingsState } from './settings.svelte.ts'
import type { TasksState } from './tasks.svelte.ts'

const closedKey = 'guide.closed'
const readKey = 'guide.read'

/** What the guide looks at. */
interface Watched {
  readonly info: InfoState
  readonly settings: SettingsState
  readonly library: LibraryState
  readonly bases: BasesState
  readonly tasks: TasksState
  readonly imports: ImportsState
  readonly compare: CompareState
}

/** Owns the first steps through the demo: which are done (seen in the library itself), and whether the person closed them. */
export class GuideState {
  readonly #watched: Watched
  steps = $derived.by(() => {
    const { library, bases, tasks, settings, compare } = this.#watched
    return guideSteps({
      demoAdapters: library.facets?.counts.origin.find(({ value }) => value === 'demo')?.count ?? 0,
      bases: bases.all.length,
      tasks: tasks.all.length,
      plans: compare.all,
      read: settings.layout(readKey) !== undefined,
    })
  })
  /** For a library that is empty or begun with the demo, until the person closes it. */
  shown = $derived.by(() => {
    const { info, settings, library } = this.#watched
    const isFirst =
      library.facets !== null && (library.facets.total === 0 || library.facets.counts.origin.some(({ value }) => value === 'demo'))
    return settings.loaded && settings.layout(closedKey) === undefined && info.current?.demoAvailable === true && isFirst
  })
  /** The newest plan with a verdict. */
  finished = $derived.by(() => this.#watched.compare.shown.find(({ headline }) => headline !== null) ?? null)

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** Puts the demo's adapters into the library. */
  async addAdapters(): Promise<void> {
    await this.#watched.imports.addDemo()
  }

  /** The demo's base model, then its tasks. */
  async addModelAndTasks(): Promise<void> {
    const { bases, tasks } = this.#watched
    if (bases.all.length === 0) await bases.addDemo()
    if (tasks.all.length === 0) await tasks.addDemo()
  }

  markRead(): void {
    this.#watched.settings.setLayout(readKey, 'yes')
  }

  close(): void {
    this.#watched.settings.setLayout(closedKey, 'yes')
  }
}
