import type { Problem } from '../../src-main/contract/problems.ts'
import type { TaskImportPreview, TaskMapping, TaskSource } from '../../src-main/contract/task.ts'
import type { Answer, Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'
import type { TasksState } from './tasks.svelte.ts'

const previewPauseMs = 250

/** Owns the import of a file of examples: the file that was looked into, the mapping being made, and what it would give. */
export class TaskImportState {
  open = $state(false)
  reading = $state(false)
  source = $state.raw<TaskSource | null>(null)
  mapping = $state.raw<TaskMapping | null>(null)
  preview = $state.raw<TaskImportPreview | null>(null)
  /** Base model that prompts are shown for; null for none. */
  baseId = $state<string | null>(null)
  importing = $state(false)
  /** Why the file could not be read or the task was not made. */
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  readonly #tasks: TasksState
  #timer: ReturnType<typeof setTimeout> | undefined
  #asked = 0

  constructor(bridge: Bridge, announcer: Announcer, tasks: TasksState) {
    this.#bridge = bridge
    this.#announcer = announcer
    this.#tasks = tasks
  }

  begin(baseId: string | null): void {
    this.open = true
    this.baseId = baseId
  }

  close(): void {
    this.open = false
    this.source = null
    this.mapping = null
    this.preview = null
    this.problems = []
  }

  async read(path: string): Promise<void> {
    await this.#read(this.#bridge.call('tasks.readSource', { path }))
  }
  /** Asks the host for a file. */
  async pick(): Promise<void> {
    await this.#read(this.#bridge.call('tasks.pickSource', {}))
  }

  change(changes: Partial<TaskMapping>): void {
    if (!this.mapping) return
    this.mapping = { ...this.mapping, ...changes }
    this.#previewSoon()
  }

  chooseBase(baseId: string | null): void {
    this.baseId = baseId
    this.#previewSoon()
  }

  /** Makes the task and opens it. */
  async finish(): Promise<void> {
    if (!this.mapping) return
    this.importing = true
    const answer = await this.#bridge.call('tasks.import', { mapping: this.mapping })
    this.importing = false
    this.problems = answer.ok ? answer.value.problems : answer.problems
    if (!answer.ok || answer.value.id === null) return
    this.#announcer.done(`Task “${this.mapping.title}” made.`)
    this.#tasks.openId = answer.value.id
    this.close()
    await this.#tasks.load()
  }

  async #read(asked: Promise<Answer<{ readonly source: TaskSource | null; readonly problems: readonly Problem[] }>>): Promise<void> {
    this.reading = true
    const answer = await asked
    this.reading = false
    this.problems = answer.ok ? answer.value.problems : answer.problems
    if (!answer.ok || answer.value.source === null) return
    this.source = answer.value.source
    this.mapping = answer.value.source.suggested ?? blankMapping(answer.value.source)
    this.preview = null
    await this.#preview()
  }

  #previewSoon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#preview(), previewPauseMs)
  }

  async #preview(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const answer = await this.#bridge.call('tasks.previewImport', { mapping: this.mapping, baseId: this.baseId })
    if (asked !== this.#asked) return
    if (answer.ok) this.preview = answer.value
    else this.problems = answer.problems
  }
}

/** A mapping to begin with where the file suggests none. */
function blankMapping(source: TaskSource): TaskMapping {
  const names = source.fields.map(({ name }) => name)
  return {
    path: source.path,
    id: 'task',
    title: 'Task',
    instruction: '',
    systemField: null,
    inputs: names.slice(0, 1),
    target: names.at(-1) ?? '',
    answer: 'short',
    metric: 'exact_match',
    maxNewTokens: null,
    labelNames: {},
    split: { seed: 1, train: 80, validation: 20, test: null, field: null },
  }
}
