import type { Arm, ArmRole } from '../../../src-main/contract/plan.ts'
import type { CellCounts, CellStep } from '../../state/compare-results.ts'
import type { PlanSummary } from '../../../src-main/contract/plan-run.ts'
import type { StatusKind } from '../../parts/status.ts'
import { controlOf } from '../../../src-main/contract/controls.ts'
import type { verdictSchema } from '../../../src-main/contract/comparison.ts'
import type * as v from 'valibot'
import type { Measure, Reading } from '../../charts/chart-arms.ts'
import { formatCount } from '../../format/numbers.ts'
import { plural } from '../../format/words.ts'
import { methodName, valuesOfArm } from '../../state/compare-arms.ts'

/** State of a plan as a mark. */
export const planMarks = {
  running: { kind: 'running', label: 'running' },
  stopping: { kind: 'stopping', label: 'stopping' },
  done: { kind: 'done', label: 'done' },
  partial: { kind: 'warning', label: 'some jobs failed' },
  cancelled: { kind: 'cancelled', label: 'stopped' },
  interrupted: { kind: 'interrupted', label: 'interrupted' },
  imported: { kind: 'duplicate', label: 'read from a file' },
} as const satisfies Readonly<Record<PlanSummary['state'], { readonly kind: StatusKind; readonly label: string }>>

/** Where a cell stands, as a mark. */
export const cellMarks = {
  waiting: { kind: 'queued', label: 'waiting' },
  making: { kind: 'running', label: 'running' },
  made: { kind: 'running', label: 'made, not tested yet' },
  testing: { kind: 'running', label: 'being tested' },
  done: { kind: 'done', label: 'done' },
  failed: { kind: 'failed', label: 'failed' },
  left: { kind: 'cancelled', label: 'left out, because what it needs failed' },
} as const satisfies Readonly<Record<CellStep, { readonly kind: StatusKind; readonly label: string }>>

/** What an arm does, in a few words. */
export function armWords(arm: Arm): string {
  const own = 'withOwn' in arm && arm.withOwn ? ', with my LoRA' : ''
  const values = valuesOfArm(arm)
  const k = typeof values['k'] === 'number' ? `, K = ${values['k']}` : ''
  switch (arm.kind) {
    case 'base':
      return 'as it is'
    case 'best_single':
      return 'the best of the pool on the training examples'
    case 'merge': {
      const count = arm.selection['k']
      return `${methodName(arm.method)}${typeof count === 'number' ? `, K = ${count}` : ''}${own}`
    }
    case 'tune':
      return `tuned${k}, ${plural(Number(values['steps'] ?? 0), 'step')}${own}`
    case 'search':
      return `searched${k}, ${plural(Number(values['trials'] ?? 0), 'trial')}${own}`
    case 'train':
      return `trained, ${plural(Number(values['steps'] ?? 0), 'step')}`
    case 'control':
      return `control: ${controlOf(arm.control).label}${controlOf(arm.control).needsPool ? k : ''}`
  }
}

/** How far a plan is: "5 of 7 jobs, 1 failed". */
export function doneWords({ done, failed, total }: Pick<CellCounts, 'done' | 'failed' | 'total'>): string {
  return `${formatCount(done)} of ${plural(total, 'job')}${failed > 0 ? `, ${formatCount(failed)} failed` : ''}`
}

/** "+2.4 (−0.3 to +5.1)". */
export function intervalWords(
  measure: Measure,
  { value, low, high }: { readonly value: number; readonly low: number; readonly high: number },
): string {
  return `${measure.writeDifference(value)} (${measure.writeDifference(low)} to ${measure.writeDifference(high)})`
}

/** What an interval says, for hover. */
export const readingMeanings: Readonly<Record<Reading, string>> = {
  above: 'The interval lies above 0.',
  below: 'The interval lies below 0.',
  undecided: 'The interval holds both 0 and the margin: the test examples cannot tell.',
  nothing: 'The interval holds 0 and ends below the margin.',
}

/** Which rule of the verdict a difference serves. */
export function ruleOf(arm: ArmRole, to: ArmRole): { readonly rule: number | null; readonly asks: string } {
  if (to === 'base') return { rule: 6, asks: 'Is the merge harmful?' }
  if (arm === 'mergedWithOwn' && to === 'own') return { rule: 1, asks: 'Does the merge beat one’s own LoRA?' }
  if (arm === 'mergedWithOwn' && to === 'retuned') return { rule: 2, asks: 'Is it more than rescaling one’s own LoRA?' }
  if (arm === 'mergedWithOwn' && to === 'randomWithOwn') return { rule: 3, asks: 'Is it more than random parameters do?' }
  if (arm === 'merged' && to === 'random') return { rule: 5, asks: 'Without an own LoRA: does the recycled content help?' }
  return { rule: null, asks: 'Shown beside: what training would give' }
}

/** Tone of a verdict: a shape and a colour for its outcome. */
export const outcomeMarks: Readonly<
  Record<v.InferOutput<typeof verdictSchema>['outcome'], { readonly kind: StatusKind; readonly word: string }>
> = {
  harmful: { kind: 'refused', word: 'harmful' },
  train: { kind: 'warning', word: 'train your own' },
  rescaling: { kind: 'warning', word: 'rescaling' },
  'random-as-well': { kind: 'warning', word: 'random does as well' },
  'recycling-helps': { kind: 'ok', word: 'recycling helps' },
  'tuning-only': { kind: 'warning', word: 'tuning only' },
  'content-helps': { kind: 'ok', word: 'recycled content helps' },
  undecided: { kind: 'missing', word: 'not decidable' },
  incomplete: { kind: 'missing', word: 'an arm is missing' },
}
