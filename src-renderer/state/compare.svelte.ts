import type { Problem } from '../../src-main/contract/problems.ts'
import type { PlanDetail, PlanState, PlanSummary, ReportFormat } from '../../src-main/contract/plan-run.ts'
import type { Answer, Bridge } from '../bridge.ts'
import { outcomeProblems, refusals } from './answers.ts'
import type { Announcer } from './announce.svelte.ts'
import type { ExampleChoice } from './compare-examples.svelte.ts'
import { comparisonAt, placeOf, verdictAt, type Budget } from './compare-results.ts'
import { soon } from './soon.ts'

const changePauseMs = 500

/** Whether a plan is being run now. */
export function isRunning(state: PlanState): boolean {
  return state === 'running' || state === 'stopping'
}

/**
 * Owns the list of plans, newest first, the one that is open with everything known of it, and what of it is looked at. Both are asked for
 * again a moment after plans.changed; while an answer is under way the next waits.
 */
export class CompareState {
  all = $state.raw<readonly PlanSummary[]>([])
  loaded = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  openId = $state<string | null>(null)
  detail = $state.raw<PlanDetail | null>(null)
  /** Looked at: a task (null for all of them), a budget (null for the largest), the arm that differences are to (null for the pinned one). */
  task = $state<string | null>(null)
  budget = $state<Budget | null>(null)
  baseline = $state<string | null>(null)
  /** The pane that is shown; null for the one that suits. */
  tab = $state<string | null>(null)
  /** Whose examples are looked at; null until an arm was chosen. */
  choice = $state.raw<ExampleChoice | null>(null)
  /** Cells that are marked to be run again. */
  chosenCells = $state.raw<ReadonlySet<string>>(new Set())
  /** Text of the last report folder that was written. */
  reportFolder = $state<string | null>(null)
  /** The numbers at the budget that is looked at. */
  comparison = $derived(this.detail === null ? null : comparisonAt(this.detail, this.budget))
  /** The task that they are of; null for the mean over all. */
  place = $derived(placeOf(this.comparison, this.task))
  verdict = $derived(verdictAt(this.comparison, this.place))
  /** Earlier plans, without archived ones. */
  shown = $derived(this.all.filter(({ archived }) => !archived))
  readonly #bridge: Bridge
  readonly #announcer: Announcer
  #busy = false
  #again = false

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
    const listLater = soon(changePauseMs, () => void this.load())
    const detailLater = soon(changePauseMs, () => void this.#loadDetail())
    bridge.on('plans.changed', ({ planId }) => {
      listLater()
      if (planId === this.openId) detailLater()
    })
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('plans.list', {})
    this.problems = refusals(answer)
    if (answer.ok) this.all = answer.value
    this.loaded = true
  }

  /** Shows a plan; null goes back to the form. */
  async openPlan(planId: string | null): Promise<void> {
    if (planId !== this.openId) {
      this.openId = planId
      this.detail = null
      this.task = null
      this.budget = null
      this.baseline = null
      this.tab = null
      this.choice = null
      this.chosenCells = new Set()
      this.reportFolder = null
    }
    await this.#loadDetail()
  }

  /** Compares with another arm. */
  async compareWith(arm: string | null): Promise<void> {
    this.baseline = arm
    await this.#loadDetail()
  }

  /** Keeps the arm that is compared with, for this plan and its reports; null for the base model again. */
  async pin(arm: string | null): Promise<void> {
    this.baseline = null
    await this.#change('The arm was not pinned.', (planId) => this.#bridge.call('plans.pinBaseline', { planId, arm }))
  }

  /** Goes on with what is open or failed; with cells, with these alone, anew when they are done. */
  async run(cells: readonly string[] = []): Promise<void> {
    this.chosenCells = new Set()
    await this.#change('The plan does not go on.', (planId) =>
      this.#bridge.call('plans.run', { planId, cells: [...cells], again: cells.length > 0 }),
    )
  }

  async stop(): Promise<void> {
    await this.#change('The plan was not stopped.', (planId) => this.#bridge.call('plans.stop', { planId }))
  }

  /** Starts finding out which adapters of a cell's merge mattered. */
  async ablate(cell: string): Promise<void> {
    await this.#change('Nothing was left out.', (planId) => this.#bridge.call('plans.ablate', { planId, cell }))
  }

  /** The report as text; null, with the problem shown, when it cannot be made. */
  async report(format: ReportFormat): Promise<{ readonly text: string; readonly fileName: string } | null> {
    if (this.openId === null) return null
    const answer = await this.#bridge.call('plans.report', { planId: this.openId, format })
    const problems = outcomeProblems(answer)
    if (answer.ok && answer.value.text !== null) return { text: answer.value.text, fileName: answer.value.fileName }
    this.#announcer.problem('The report was not made.', problems)
    return null
  }

  /** Writes every form of the report into a new folder where outputs go. */
  async writeReport(): Promise<void> {
    if (this.openId === null) return
    const answer = await this.#bridge.call('plans.writeReport', { planId: this.openId, folder: null })
    const path = answer.ok ? answer.value.path : null
    this.reportFolder = path
    if (path === null) this.#announcer.problem('The report was not written.', outcomeProblems(answer))
    else this.#announcer.say(`The report was written to ${path}.`)
  }

  /** Marks a cell to be run again, or takes the mark away. */
  toggleCell(cell: string): void {
    const chosen = new Set(this.chosenCells)
    if (!chosen.delete(cell)) chosen.add(cell)
    this.chosenCells = chosen
  }

  async #change(refused: string, ask: (planId: string) => Promise<Answer<{ readonly problems: readonly Problem[] }>>): Promise<void> {
    if (this.openId === null) return
    const problems = outcomeProblems(await ask(this.openId))
    if (problems.length > 0) this.#announcer.problem(refused, problems)
    await Promise.all([this.#loadDetail(), this.load()])
  }

  async #loadDetail(): Promise<void> {
    const planId = this.openId
    if (planId === null) return
    if (this.#busy) {
      this.#again = true
      return
    }
    this.#busy = true
    const { baseline } = this
    const answer = await this.#bridge.call('plans.get', { planId, baseline })
    this.#busy = false
    const outdated = planId !== this.openId || baseline !== this.baseline
    if (!outdated) this.#take(answer.ok ? answer.value : null, refusals(answer))
    if (this.#again || outdated) {
      this.#again = false
      await this.#loadDetail()
    }
  }

  #take(detail: PlanDetail | null, problems: readonly Problem[]): void {
    const before = this.detail
    this.problems = problems
    if (detail === null) {
      if (problems.length === 0) this.openId = null
      return
    }
    this.detail = detail
    if (before?.id !== detail.id || before.state === detail.state) return
    if (isRunning(before.state) && !isRunning(detail.state)) this.#announcer.say(endWords(detail))
  }
}

/** Read out when a plan ends. */
function endWords({ title, headline, failed, state }: PlanDetail): string {
  if (state === 'cancelled') return `${title} was stopped.`
  return [`${title} has ended.`, ...(headline === null ? [] : [headline]), ...(failed > 0 ? [`${failed} jobs failed.`] : [])].join(' ')
}
