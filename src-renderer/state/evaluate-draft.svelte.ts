import type { Problem } from '../../src-main/contract/problems.ts'
import type { EvaluatedSplit, EvaluatePlan, EvaluateRequestInput, Subject } from '../../src-main/contract/run.ts'
import type { Bridge } from '../bridge.ts'
import type { EvaluateState } from './evaluate.svelte.ts'
import { recipeOf } from './merge-recipe.ts'
import type { MergeState } from './merge.svelte.ts'
import type { Selection } from './selection.svelte.ts'

const planPauseMs = 250

/** Which adapters are asked: those selected, all that fit, or none. */
export type Asked = 'selection' | 'fitting' | 'none'

/** Owns the evaluation that is being prepared: who, on what, and what that will take. */
export class EvaluateDraft {
  open = $state(false)
  asked = $state<Asked>('selection')
  withBase = $state(true)
  /** The recipe that stands in the section Merge, evaluated without merging. */
  withRecipe = $state(false)
  taskIds = $state.raw<readonly string[]>([])
  split = $state<EvaluatedSplit>('test')
  budget = $state<10 | 30 | 100 | null>(null)
  limit = $state<number | null>(null)
  plan = $state.raw<EvaluatePlan | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  starting = $state(false)
  /** The job that was started last, to be shown in place. */
  jobId = $state<string | null>(null)
  readonly #bridge: Bridge
  readonly #evaluate: EvaluateState
  readonly #selection: Selection
  readonly #merge: MergeState
  #timer: ReturnType<typeof setTimeout> | undefined
  #askedPlan = 0

  constructor(bridge: Bridge, parts: { evaluate: EvaluateState; selection: Selection; merge: MergeState }) {
    this.#bridge = bridge
    this.#evaluate = parts.evaluate
    this.#selection = parts.selection
    this.#merge = parts.merge
  }

  /** Whether a recipe that is not refused stands in Merge. */
  get recipeReady(): boolean {
    return this.#merge.draft.sources.length > 0 && !this.#merge.refused
  }

  toggleTask(id: string, on: boolean): void {
    this.taskIds = on ? [...this.taskIds, id] : this.taskIds.filter((other) => other !== id)
    this.planSoon()
  }

  /** Asks anew what it would take, a moment from now. */
  planSoon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#makePlan(), planPauseMs)
  }

  async start(): Promise<void> {
    const input = await this.#input()
    if (input === null) return
    this.starting = true
    const answer = await this.#bridge.call('evaluate.start', input)
    this.starting = false
    this.problems = answer.ok ? answer.value.problems : answer.problems
    if (!answer.ok || answer.value.jobId === null) return
    this.jobId = answer.value.jobId
    this.open = false
    await this.#evaluate.choose({ split: this.split })
  }

  async #makePlan(): Promise<void> {
    this.#askedPlan += 1
    const asked = this.#askedPlan
    const input = await this.#input()
    if (input === null) {
      this.plan = null
      return
    }
    const answer = await this.#bridge.call('evaluate.plan', input)
    if (asked !== this.#askedPlan) return
    this.problems = answer.ok ? [] : answer.problems
    this.plan = answer.ok ? answer.value : null
  }

  /** The request as it stands; null while there is nothing to ask. */
  async #input(): Promise<EvaluateRequestInput | null> {
    const baseId = this.#evaluate.base
    if (baseId === null || this.taskIds.length === 0) return null
    const subjects: Subject[] = [
      ...(this.withBase ? [{ kind: 'base' as const }] : []),
      ...(await this.#adapterIds(baseId)).map((adapterId) => ({ kind: 'adapter' as const, adapterId, coefficient: 1 })),
      ...(this.withRecipe && this.recipeReady
        ? [{ kind: 'recipe' as const, name: 'recipe in Merge', recipe: recipeOf(this.#merge.draft) }]
        : []),
    ]
    if (subjects.length === 0) return null
    const { split, budget, limit } = this
    return {
      baseId,
      subjects,
      tasks: this.taskIds.map((taskId) => ({ taskId, split, budget: split === 'test' ? null : budget, limit })),
      purpose: split === 'test' ? 'evaluate' : 'score',
    }
  }

  async #adapterIds(baseId: string): Promise<readonly string[]> {
    if (this.asked === 'none') return []
    if (this.asked === 'selection') return [...this.#selection.ids]
    const answer = await this.#bridge.call('bases.matches', { id: baseId })
    return answer.ok ? answer.value.fitting.map(({ id }) => id) : []
  }
}
