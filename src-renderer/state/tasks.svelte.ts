import type { RequestInput } from '../../src-main/contract/bridge.ts'
import { hasError, type Problem } from '../../src-main/contract/problems.ts'
import type { Task } from '../../src-main/contract/task.ts'
import type { Answer, Bridge } from '../bridge.ts'
import { plural } from '../format/words.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems, refusals } from './answers.ts'
import { soon } from './soon.ts'

const changePauseMs = 300

/** What can be changed of a task without new examples. */
export type TaskChanges = RequestInput<'tasks.edit'>['changes']

/** Owns the tasks, by title, and the one that is open. Loaded at start; asked for again a moment after tasks.changed. */
export class TasksState {
  all = $state.raw<readonly Task[]>([])
  loaded = $state(false)
  /** Why the list could not be read. */
  problems = $state.raw<readonly Problem[]>([])
  openId = $state<string | null>(null)
  /** A folder or task file is being asked for. */
  addOpen = $state(false)
  adding = $state(false)
  /** Why something was not added; remarks on what was are with each task. */
  addProblems = $state.raw<readonly Problem[]>([])
  open = $derived(this.all.find(({ id }) => id === this.openId) ?? null)
  readonly #bridge: Bridge
  readonly #announcer: Announcer

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
    bridge.on(
      'tasks.changed',
      soon(changePauseMs, () => void this.load()),
    )
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('tasks.list', {})
    if (answer.ok) this.all = [...answer.value].sort((left, right) => left.title.localeCompare(right.title))
    this.problems = refusals(answer)
    this.loaded = true
  }

  titleOf(id: string): string {
    return this.all.find((task) => task.id === id)?.title ?? id
  }

  async add(path: string): Promise<void> {
    await this.#add(this.#bridge.call('tasks.add', { path }))
  }
  async addDemo(): Promise<void> {
    await this.#add(this.#bridge.call('tasks.addDemo', {}))
  }

  /** Changes a task; answers with the problems for which it was refused. */
  async edit(id: string, changes: TaskChanges): Promise<readonly Problem[]> {
    const problems = outcomeProblems(await this.#bridge.call('tasks.edit', { id, changes }))
    await this.load()
    return problems
  }

  /** Forgets a task and its copy in the library; results that it gave stay. */
  async remove(task: Task): Promise<void> {
    const problems = outcomeProblems(await this.#bridge.call('tasks.remove', { id: task.id }))
    if (problems.length > 0) this.#announcer.problem(`“${task.title}” was not removed.`, problems)
    else this.#announcer.done(`Task “${task.title}” removed. The files that it came from stay.`)
    if (this.openId === task.id) this.openId = null
    await this.load()
  }

  async #add(asked: Promise<Answer<{ readonly ids: readonly string[]; readonly problems: readonly Problem[] }>>): Promise<void> {
    this.adding = true
    const answer = await asked
    this.adding = false
    const problems = answer.ok ? answer.value.problems : answer.problems
    this.addProblems = problems.filter(({ severity }) => severity === 'error')
    if (!answer.ok || answer.value.ids.length === 0) return
    this.addOpen = hasError(problems)
    await this.load()
    if (answer.value.ids.length === 1) this.openId = answer.value.ids[0] ?? null
    this.#announcer.done(`${plural(answer.value.ids.length, 'task')} added.`)
  }
}
