import type { AdaptationDetail } from '../contract/adapt.ts'
import { findMethod } from '../contract/methods.ts'
import { metricOf, type MetricId } from '../contract/metrics.ts'
import type { ParamSpec } from '../contract/params.ts'
import type { Arm } from '../contract/plan.ts'
import { planPresets } from '../contract/plan-presets.ts'
import { findPreset } from '../contract/presets.ts'
import { controlOf } from '../contract/controls.ts'
import { tunerOf } from '../contract/tuners.ts'
import type { Run } from '../contract/run.ts'
import type { PlanCell } from '../contract/plan-run.ts'
import type { StoredComparison, StoredPlan } from '../library/plan-types.ts'

/** Headings under which settings and results stand side by side, in this order. */
export const factGroups = ['Setting', 'Parameters', 'Result', 'Provenance'] as const

/** One thing that is known of a run, in words. */
export interface RunFact {
  readonly group: (typeof factGroups)[number]
  readonly name: string
  readonly value: string
}

/** Names of what a run speaks of by id. */
export interface FactNames {
  task(id: string): string
  base(id: string): string
}

/** What a plan gave so far. */
export interface PlanResults {
  readonly cells: readonly Pick<PlanCell, 'state'>[]
  /** Of its tasks. */
  readonly metrics: readonly MetricId[]
  /** As it was last computed; null before that. */
  readonly comparison: StoredComparison | null
}

/** A plan: what it compares, and what came out. */
export function factsOfPlan(
  { file, baseName, state, headline, provenance }: StoredPlan,
  { cells, metrics, comparison }: PlanResults,
  { task }: FactNames,
): readonly RunFact[] {
  const count = (wanted: PlanCell['state']): number => cells.filter((cell) => cell.state === wanted).length
  return [
    ...facts('Setting', {
      Preset: planPresets.find(({ id }) => id === file.preset)?.label ?? file.preset,
      'Base model': baseName,
      Tasks: file.tasks.map(task).join(', '),
      Pool: file.pool.length === 0 ? 'all that fit the base model' : file.pool.join(', '),
      'Labelled examples': file.budgets.map((budget) => budget ?? 'all').join(', '),
      Seeds: file.seeds.join(', '),
      'Margin, points': shownNumber(file.margin * 100),
      'Test examples, at most': file.testLimit ?? 'all',
    }),
    ...facts('Parameters', Object.fromEntries(file.arms.map((arm) => [`Arm ${arm.id}`, armWords(arm)]))),
    ...facts('Result', {
      State: state,
      Cells: `${count('done')} of ${cells.length} done${count('failed') > 0 ? `, ${count('failed')} failed` : ''}`,
      Verdict: headline,
    }),
    ...estimateFacts(file.arms, metrics, comparison),
    ...facts('Provenance', provenance),
  ]
}

/** Means over all tasks, or of the one there is, as they were last computed: one line for each arm and budget. */
function estimateFacts(arms: readonly Arm[], metrics: readonly MetricId[], comparison: StoredComparison | null): readonly RunFact[] {
  const inPoints = metrics.every((metric) => metricOf(metric).unit === 'fraction')
  const shown = (value: number): string => (inPoints ? (value * 100).toFixed(1) : shownNumber(value))
  const nameOf = (id: string): string => arms.find((arm) => arm.id === id)?.label ?? id
  return (comparison?.comparisons ?? []).flatMap(({ budget, estimates }) => {
    const overall = estimates.filter(({ task }) => task === null)
    const isOneTask = new Set(estimates.map(({ task }) => task)).size === 1
    return (overall.length > 0 || !isOneTask ? overall : estimates).map(({ arm, interval: { value, low, high } }) => ({
      group: 'Result' as const,
      name: `${nameOf(arm)}, ${budget === 'all' ? 'all examples' : `${budget} examples`}`,
      value: `${shown(value)} (${shown(low)} to ${shown(high)})`,
    }))
  })
}

function armWords(arm: Arm): string {
  const parts = [arm.label ?? arm.id, arm.kind.replaceAll('_', ' ')]
  if (arm.role !== null) parts.push(`in the verdict: ${arm.role.replaceAll(/(?=[A-Z])/g, ' ').toLowerCase()}`)
  if ('method' in arm && arm.method !== null) parts.push(findMethod(arm.method)?.label ?? arm.method)
  if ('control' in arm) parts.push(controlOf(arm.control).label)
  if ('preset' in arm && arm.preset !== null) parts.push(findPreset(arm.preset)?.label ?? arm.preset)
  if ('withOwn' in arm && arm.withOwn) parts.push('with the own LoRA')
  if ('selection' in arm) parts.push(...paramWords(arm.selection, tunerOf('select').params))
  if ('params' in arm) parts.push(...paramWords(arm.params, paramsOf(arm)))
  return [...new Set(parts)].join('; ')
}

/** What the parameters of an arm mean. */
function paramsOf(arm: Arm): readonly ParamSpec[] {
  switch (arm.kind) {
    case 'merge':
      return findMethod(arm.method)?.params ?? []
    case 'tune':
    case 'search':
    case 'train':
      return tunerOf(arm.kind).params
    case 'control': {
      const { arm: of } = controlOf(arm.control)
      return of === 'evaluate' ? [] : tunerOf(of).params
    }
    default:
      return []
  }
}

function paramWords(values: Readonly<Record<string, number | string | boolean>>, params: readonly ParamSpec[]): readonly string[] {
  return Object.entries(values).map(([name, value]) => `${params.find(({ id }) => id === name)?.label ?? name}: ${value}`)
}

/** One subject on one split of one task. */
export function factsOfEvaluation(run: Run, { task, base }: FactNames): readonly RunFact[] {
  const { metric, value, low, high } = run
  const inFull = value !== null && low !== null && high !== null
  return [
    ...facts('Setting', {
      Subject: run.subject.label,
      'Base model': base(run.baseId),
      Task: task(run.taskId),
      Split: run.split,
      'Labelled examples': run.budget ?? 'all',
      Metric: metricOf(metric).label,
    }),
    ...facts('Result', {
      Value: value === null ? null : shownValue(metric, value),
      Interval: inFull ? `${shownValue(metric, low)} to ${shownValue(metric, high)}` : null,
      'Kind of interval': inFull ? run.intervalKind : null,
      'Examples answered': `${run.done} of ${run.n}`,
      'Examples left out': run.skipped,
      Problems: run.problems.length === 0 ? null : run.problems.map(({ message }) => message).join(' '),
    }),
    ...facts('Provenance', run.provenance),
  ]
}

/** What was chosen, tuned, searched or trained. */
export function factsOfAdaptation(adaptation: AdaptationDetail, { task, base }: FactNames): readonly RunFact[] {
  const { control, preset, form, check, cost } = adaptation
  return [
    ...facts('Setting', {
      Arm: tunerOf(adaptation.arm).label,
      Control: control === null ? null : controlOf(control).label,
      Preset: preset === null ? null : (findPreset(preset)?.label ?? preset),
      'Base model': base(adaptation.baseId),
      Task: task(adaptation.taskId),
      'Labelled examples': adaptation.budget ?? 'all',
      Seed: adaptation.seed,
      Method: adaptation.method,
    }),
    ...facts('Parameters', adaptation.params),
    ...facts('Result', {
      State: adaptation.state,
      'Steps or trials': `${adaptation.done} of ${adaptation.total}`,
      'Chosen step': adaptation.chosenStep,
      'Chosen by': adaptation.noValidation ? 'training loss' : 'validation loss',
      'Loss at the start': adaptation.startLoss?.toPrecision(4),
      'Loss at the chosen step': adaptation.chosenLoss?.toPrecision(4),
      Ended: adaptation.stoppedText ?? adaptation.stopped,
      'Adapters chosen': chosenWords(adaptation),
      Rank: form === null ? null : form.rank,
      'Kept energy, %': form === null ? null : shownNumber(form.keptEnergy * 100),
      ...Object.fromEntries(
        (form?.measured ?? []).map(({ what, split, metric, value, low, high }) => [
          `${metricOf(metric).label} of ${what} on ${split}`,
          `${shownValue(metric, value)} (${shownValue(metric, low)} to ${shownValue(metric, high)})`,
        ]),
      ),
      Check: check === null ? null : `${check.expected}: ${check.equal} of ${check.n}`,
      Tokens: cost.tokens.toLocaleString('en-US'),
      Seconds: shownNumber(cost.seconds),
      'Adapters scored': cost.scoredAdapters,
      Device: cost.device,
    }),
    ...facts('Provenance', adaptation.provenance),
  ]
}

function chosenWords({ selection }: AdaptationDetail): string | null {
  const chosen = selection.filter(({ place }) => place !== null).toSorted((left, right) => (left.place ?? 0) - (right.place ?? 0))
  return chosen.length === 0 ? null : chosen.map(({ name }) => name).join(', ')
}

/** What is null or empty is not known and makes no fact. */
function facts(
  group: RunFact['group'],
  values: Readonly<Record<string, string | number | boolean | null | undefined>>,
): readonly RunFact[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === null || value === undefined || value === '' ? [] : [{ group, name, value: String(value) }],
  )
}

/** A value of a metric: shares in points of a hundred, others as they are. */
function shownValue(metric: MetricId, value: number): string {
  return metricOf(metric).unit === 'fraction' ? `${(value * 100).toFixed(1)} %` : shownNumber(value)
}

/** Four significant figures, without needless zeros. */
function shownNumber(value: number): string {
  return String(Number(value.toPrecision(4)))
}
