import type { PlanCheck } from '../../src-main/contract/plan-run.ts'
import { planPresets, type PlanPreset } from '../../src-main/contract/plan-presets.ts'
import { defaultMargin, type Arm, type PlanFile } from '../../src-main/contract/plan.ts'
import { hasError, type Problem } from '../../src-main/contract/problems.ts'
import { budgets } from '../../src-main/contract/task.ts'
import type { Bridge } from '../bridge.ts'
import type { BasesState } from './bases.svelte.ts'
import { newArm, type Addable, type DraftArm } from './compare-arms.ts'
import { nameInPlan, seedsOf, seedsText } from './compare-plan.ts'
import type { CompareState } from './compare.svelte.ts'
import { FittingAdapters } from './fitting-adapters.svelte.ts'
import { Latest } from './latest.ts'
import type { Selection } from './selection.svelte.ts'
import type { TasksState } from './tasks.svelte.ts'

const checkPauseMs = 250

export type PlanBudget = (typeof budgets)[number] | null

/** Owns the plan that is being prepared: the form, and what the host says it would do. */
export class CompareDraft {
  preset = $state<string | null>(planPresets[0]?.id ?? null)
  /** As typed; empty for one made of preset and tasks. */
  title = $state('')
  baseId = $state<string | null>(null)
  /** Tasks by their names in the plan. */
  tasks = $state.raw<readonly string[]>([])
  /** Which adapters may be chosen from; "given" are those of a file that was opened. */
  pool = $state<'fitting' | 'selection' | 'collection' | 'given'>('fitting')
  collection = $state<string | null>(null)
  given = $state.raw<readonly string[]>([])
  budgets = $state.raw<readonly PlanBudget[]>([100])
  /** As typed. */
  seeds = $state('1')
  arms = $state.raw<readonly DraftArm[]>([])
  margin = $state(defaultMargin)
  testLimit = $state<number | null>(null)
  check = $state.raw<PlanCheck | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  starting = $state(false)
  checking = $state(false)
  /** Adapters of the chosen collection. */
  collected = $state.raw<readonly string[]>([])
  readonly fitting: FittingAdapters
  readonly #bridge: Bridge
  readonly #compare: CompareState
  readonly #bases: BasesState
  readonly #tasks: TasksState
  readonly #selection: Selection
  readonly #checker: Latest<unknown, void>
  #nextKey = 1

  constructor(
    bridge: Bridge,
    parts: { readonly compare: CompareState; readonly bases: BasesState; readonly tasks: TasksState; readonly selection: Selection },
  ) {
    this.#bridge = bridge
    this.#compare = parts.compare
    this.#bases = parts.bases
    this.#tasks = parts.tasks
    this.#selection = parts.selection
    this.fitting = new FittingAdapters(bridge)
    this.#checker = new Latest({
      ask: (draft) => this.#check(draft),
      answer: () => undefined,
      fail: () => (this.check = null),
      pauseMs: checkPauseMs,
    })
    this.choosePreset(planPresets[0]?.id ?? '')
  }

  /** The chosen base model, or the first usable one. */
  get base(): string | null {
    const { usable } = this.#bases
    return usable.some(({ id }) => id === this.baseId) ? this.baseId : (usable[0]?.id ?? null)
  }
  /** Those arms that take part. */
  get takingPart(): readonly Arm[] {
    return this.arms.flatMap(({ on, arm }) => (on ? [arm] : []))
  }
  get presetEntry(): PlanPreset | undefined {
    return planPresets.find(({ id }) => id === this.preset)
  }
  /** The title where none is typed: "Quick look on Sentiment stars". */
  get usualTitle(): string {
    const name = this.presetEntry?.label ?? 'Comparison'
    const titles = this.tasks.map((task) => this.#tasks.titleOf(task))
    if (titles.length === 0) return name
    return titles.length === 1 ? `${name} on ${titles[0]}` : `${name} on ${titles.length} tasks`
  }
  /** Names of the pool in the plan; empty for every adapter that fits. */
  get poolNames(): readonly string[] {
    if (this.pool === 'fitting') return []
    if (this.pool === 'given') return this.given
    const wanted = new Set(this.pool === 'selection' ? this.#selection.ids : this.collected)
    return this.fitting.all.filter(({ id }) => wanted.has(id)).map((adapter) => nameInPlan(adapter, this.fitting.all))
  }
  /** True where a pool is wanted that has nobody in it. */
  get poolEmpty(): boolean {
    return this.pool !== 'fitting' && this.poolNames.length === 0
  }

  /** Arms, budgets and seeds of a preset; the rest of the form stays. */
  choosePreset(id: string): void {
    const found = planPresets.find((preset) => preset.id === id)
    if (!found) return
    this.preset = id
    this.budgets = found.plan.budgets
    this.seeds = seedsText(found.plan.seeds)
    this.#setArms(found.plan.arms)
  }

  /** Fills the form from a plan, and shows the form. */
  draftFrom(file: PlanFile): void {
    this.preset = planPresets.some(({ id }) => id === file.preset) ? file.preset : null
    this.title = file.title
    this.baseId = this.#bases.all.find(({ id, name }) => id === file.base || name === file.base)?.id ?? null
    this.tasks = file.tasks
    this.pool = file.pool.length === 0 ? 'fitting' : 'given'
    this.given = file.pool
    this.budgets = file.budgets
    this.seeds = seedsText(file.seeds)
    this.margin = file.margin
    this.testLimit = file.testLimit
    this.#setArms(file.arms)
    void this.#compare.openPlan(null)
  }

  /** Fills the form from the text of a file; answers with why it cannot be read. */
  async openText(text: string): Promise<readonly Problem[]> {
    const answer = await this.#bridge.call('plans.check', { draft: text })
    if (!answer.ok) return answer.problems
    const { plan, problems } = answer.value
    if (plan === null) return problems
    this.draftFrom(plan)
    return []
  }

  toggleTask(task: string, on: boolean): void {
    this.tasks = on ? [...this.tasks.filter((name) => name !== task), task] : this.tasks.filter((name) => name !== task)
  }
  toggleBudget(budget: PlanBudget, on: boolean): void {
    const order = [...budgets, null]
    this.budgets = order.filter((candidate) => (candidate === budget ? on : this.budgets.includes(candidate)))
  }
  toggleArm(key: number, on: boolean): void {
    this.arms = this.arms.map((row) => (row.key === key ? { ...row, on } : row))
  }
  changeArm(key: number, arm: Arm): void {
    this.arms = this.arms.map((row) => (row.key === key ? { ...row, arm } : row))
  }
  removeArm(key: number): void {
    this.arms = this.arms.filter((row) => row.key !== key)
  }
  /** Adds an arm at the end; answers with its key. */
  addArm(what: Addable): number {
    const key = this.#nextKey++
    this.arms = [
      ...this.arms,
      {
        key,
        on: true,
        arm: newArm(
          what,
          this.arms.map(({ arm }) => arm),
        ),
      },
    ]
    return key
  }

  /** The adapters of a collection. */
  async chooseCollection(id: string): Promise<void> {
    this.pool = 'collection'
    this.collection = id
    const answer = await this.#bridge.call('library.ids', { filters: [{ facet: 'collection', values: [id] }] })
    if (this.collection === id) this.collected = answer.ok ? answer.value : []
  }

  /** Asks anew what the plan would do, a moment from now. */
  checkSoon(): void {
    const plan = this.plan()
    if (plan === null) {
      this.#checker.drop()
      this.check = null
      this.problems = []
      this.checking = false
    } else {
      this.checking = true
      this.#checker.put(plan)
    }
  }

  /** Keeps the plan, runs it, and opens it. */
  async start(): Promise<void> {
    const plan = this.plan()
    if (plan === null) return
    this.starting = true
    const answer = await this.#bridge.call('plans.start', { draft: plan })
    this.starting = false
    const planId = answer.ok ? answer.value.planId : null
    if (planId === null) {
      this.problems = answer.ok ? answer.value.problems : answer.problems
      return
    }
    await this.#compare.load()
    await this.#compare.openPlan(planId)
  }

  /** The plan as the form stands, for the host to check; null while there is nothing to ask. */
  plan(): Readonly<Record<string, unknown>> | null {
    const base = this.#bases.usable.find(({ id }) => id === this.base)
    if (!base || this.tasks.length === 0 || this.poolEmpty) return null
    return {
      ...{ version: 1, title: this.title.trim() === '' ? this.usualTitle : this.title.trim(), preset: this.preset },
      ...{ base: nameInPlan(base, this.#bases.all), pool: this.poolNames, tasks: this.tasks, budgets: this.budgets },
      ...{ seeds: seedsOf(this.seeds) ?? [], arms: this.takingPart, margin: this.margin, testLimit: this.testLimit },
    }
  }

  async #check(draft: unknown): Promise<void> {
    const answer = await this.#bridge.call('plans.check', { draft })
    this.checking = false
    this.problems = answer.ok ? answer.value.problems : answer.problems
    this.check = answer.ok ? answer.value : null
  }

  #setArms(arms: readonly Arm[]): void {
    this.arms = arms.map((arm) => ({ key: this.#nextKey++, on: true, arm }))
  }

  /** Whether nothing stands against a start. */
  get ready(): boolean {
    return this.check !== null && this.check.plan !== null && !this.checking && !this.starting && !hasError(this.problems)
  }
}
