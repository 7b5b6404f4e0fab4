import type { AdaptPlan, AdaptRequestInput, SearchedParam } from '../../src-main/contract/adapt.ts'
import type { ParamValue, ParamValues } from '../../src-main/contract/params.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import { controlOf, type ControlId } from '../../src-main/contract/controls.ts'
import { findPreset, type PresetEntry } from '../../src-main/contract/presets.ts'
import { tunerOf, type Arm } from '../../src-main/contract/tuners.ts'
import type { Bridge } from '../bridge.ts'
import type { AdaptState } from './adapt.svelte.ts'
import { armOf, completeValues, presetsOf, sweptValues, type AdaptMode } from './adapt-values.ts'
import { Latest } from './latest.ts'
import type { Selection } from './selection.svelte.ts'

const planPauseMs = 250

/** A parameter of a merge method that a search tries values of, as typed. */
export interface SearchedRow {
  readonly id: string
  readonly low: number
  readonly high: number
}

/** A parameter that is run with several values. */
export interface SweptRow {
  readonly id: string
  readonly text: string
}

/** Owns what is being prepared in Adapt: which arm, on which task, with what, and what that will take. */
export class AdaptDraft {
  mode = $state<AdaptMode>('tune')
  control = $state<ControlId>('random_parameters')
  taskId = $state<string | null>(null)
  budget = $state<10 | 30 | 100 | null>(100)
  /** Which adapters may be chosen from. */
  pool = $state<'fitting' | 'selection'>('fitting')
  ownId = $state<string | null>(null)
  startFrom = $state<string | null>(null)
  method = $state<string | null>(null)
  searched = $state.raw<readonly SearchedRow[]>([])
  searchCoefficients = $state(true)
  seed = $state(1)
  /** How often it is run, with seeds that follow each other. */
  seeds = $state(1)
  /** Parameters that are run with several values, as typed; together they make a grid. */
  sweeps = $state.raw<readonly SweptRow[]>([])
  name = $state('')
  plan = $state.raw<AdaptPlan | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  starting = $state(false)
  #presets = $state.raw<Partial<Record<Arm, string>>>({})
  #byHand = $state.raw<Partial<Record<Arm, ParamValues>>>({})
  readonly #bridge: Bridge
  readonly #adapt: AdaptState
  readonly #selection: Selection
  readonly #planner: Latest<AdaptRequestInput, void>

  constructor(bridge: Bridge, adapt: AdaptState, selection: Selection) {
    this.#bridge = bridge
    this.#adapt = adapt
    this.#selection = selection
    this.#planner = new Latest({
      ask: (input) => this.#ask(input),
      answer: () => undefined,
      fail: () => (this.plan = null),
      pauseMs: planPauseMs,
    })
  }

  get arm(): Exclude<Arm, 'select'> {
    return armOf(this.mode, this.control)
  }
  get preset(): PresetEntry | undefined {
    return findPreset(this.#presets[this.arm] ?? '') ?? presetsOf(this.arm)[0]
  }
  /** What the control decides; nothing without one. */
  get fixed(): ParamValues {
    return this.mode === 'control' ? controlOf(this.control).values : {}
  }
  get values(): Readonly<Record<string, ParamValue>> {
    return { ...completeValues(this.arm, this.preset, this.#byHand[this.arm] ?? {}), ...this.fixed }
  }
  get changedByHand(): boolean {
    return Object.keys(this.#byHand[this.arm] ?? {}).length > 0
  }
  /** The merge method that a search goes through. */
  get searchMethod(): string {
    return this.method ?? this.preset?.method ?? 'concat'
  }
  /** Whether an own LoRA plays a part as it stands. */
  get usesOwn(): boolean {
    const { values } = this
    if (this.mode === 'control' && controlOf(this.control).needsOwn) return true
    return (
      this.arm !== 'train' &&
      (values['ownFirst'] === true ||
        ['cosine', 'clamp', 'clamp_per_module', 'abs', 'quasi_fisher', 'l2'].includes(String(values['selection'])))
    )
  }
  /** Jobs that a start makes. */
  get jobs(): number {
    return Object.values(this.#sweep()).reduce((count, values) => count * values.length, this.seeds)
  }

  choosePreset(id: string): void {
    this.#presets = { ...this.#presets, [this.arm]: id }
    this.#byHand = { ...this.#byHand, [this.arm]: {} }
    this.method = null
  }
  set(id: string, value: ParamValue): void {
    this.#byHand = { ...this.#byHand, [this.arm]: { ...this.#byHand[this.arm], [id]: value } }
  }
  resetByHand(): void {
    this.#byHand = { ...this.#byHand, [this.arm]: {} }
  }

  /** Asks anew what it would take, a moment from now. */
  planSoon(): void {
    const input = this.#input(this.arm)
    if (input === null) {
      this.#planner.drop()
      this.plan = null
    } else this.#planner.put(input)
  }

  /** Starts it, or with `arm` "select" only ranks the pool. */
  async start(arm: Arm = this.arm): Promise<void> {
    const input = this.#input(arm)
    if (input === null) return
    this.starting = true
    const answer = await this.#bridge.call('adapt.start', {
      input,
      seeds: arm === 'select' ? [] : Array.from({ length: this.seeds }, (_, index) => this.seed + index),
      sweep: arm === 'select' ? {} : this.#sweep(),
    })
    this.starting = false
    this.problems = answer.ok ? answer.value.problems : answer.problems
    const first = answer.ok ? answer.value.jobIds[0] : undefined
    if (first === undefined) return
    await this.#adapt.load()
    await this.#adapt.open(first)
  }

  async #ask(input: AdaptRequestInput): Promise<void> {
    const answer = await this.#bridge.call('adapt.plan', input)
    this.problems = answer.ok ? [] : answer.problems
    this.plan = answer.ok ? answer.value : null
  }

  /** The values of every swept parameter that can be read. */
  #sweep(): Record<string, ParamValue[]> {
    const { params } = tunerOf(this.arm)
    return Object.fromEntries(
      this.sweeps.flatMap(({ id, text }) => {
        const spec = params.find((candidate) => candidate.id === id)
        const values = spec ? sweptValues(spec, text) : null
        return values ? [[id, [...values]] as const] : []
      }),
    )
  }

  /** The request as it stands; null while there is nothing to ask. */
  #input(arm: Arm): AdaptRequestInput | null {
    const baseId = this.#adapt.base
    if (baseId === null || this.taskId === null) return null
    const known = new Set(tunerOf(arm).params.map(({ id }) => id))
    const byHand = Object.entries(arm === 'select' ? this.values : (this.#byHand[this.arm] ?? {})).filter(([id]) => known.has(id))
    const name = this.name.trim()
    return {
      arm,
      control: this.mode === 'control' ? this.control : null,
      baseId,
      taskId: this.taskId,
      budget: this.budget,
      pool: this.pool === 'selection' ? [...this.#selection.ids] : [],
      ownId: this.ownId,
      startFrom: arm === 'train' ? this.startFrom : null,
      preset: arm === 'select' ? null : (this.preset?.id ?? null),
      params: Object.fromEntries(byHand),
      ...(arm === 'search' && {
        method: this.searchMethod,
        searched: Object.fromEntries(this.searched.map(({ id, low, high }): [string, SearchedParam] => [id, { low, high }])),
        searchCoefficients: this.searchCoefficients,
      }),
      seed: this.seed,
      name: name === '' ? null : name,
    }
  }
}
