import type { Adaptation, AdaptPlan } from '../../../src-main/contract/adapt.ts'
import { controlOf } from '../../../src-main/contract/controls.ts'
import { findPreset } from '../../../src-main/contract/presets.ts'
import { tunerOf } from '../../../src-main/contract/tuners.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatDuration } from '../../format/durations.ts'
import { formatNumber } from '../../format/numbers.ts'
import { plural } from '../../format/words.ts'

export const modes = [
  { value: 'tune', label: 'Merge and tune' },
  { value: 'search', label: 'Search' },
  { value: 'train', label: 'Train' },
  { value: 'control', label: 'Control' },
] as const

/** What it is: the control, or the arm with its preset. */
export function kindWords({ arm, control, preset }: Pick<Adaptation, 'arm' | 'control' | 'preset'>): string {
  if (control !== null) return controlOf(control).label
  const known = preset === null ? undefined : findPreset(preset)
  return known && arm !== 'select' ? known.label : tunerOf(arm).label
}

/** "100 of 100 steps", or trials. */
export function doneWords({ arm, done, total }: Pick<Adaptation, 'arm' | 'done' | 'total'>): string {
  if (total === 0) return '–'
  return `${done} of ${plural(total, arm === 'search' ? 'trial' : 'step')}`
}

/** Loss at the start and at the chosen step. */
export function lossWords({ startLoss, chosenLoss }: Pick<Adaptation, 'startLoss' | 'chosenLoss'>): string {
  if (startLoss === null) return '–'
  return chosenLoss === null ? formatNumber(startLoss) : `${formatNumber(startLoss)} → ${formatNumber(chosenLoss)}`
}

/** What it will cost, in parts. */
export function costWords(plan: AdaptPlan): readonly string[] {
  return [
    `${plural(plan.trainExamples, 'example')} to learn from, ${plan.noValidation ? 'none held out' : `${plan.validationExamples} held out`}`,
    ...(plan.skipped > 0 ? [`${plural(plan.skipped, 'example')} left out for their length`] : []),
    ...(plan.pool > 0
      ? [`${plural(plan.pool, 'adapter')} to choose from${plan.toScore > 0 ? `, ${plan.toScore} to be scored first` : ''}`]
      : []),
    ...(plan.parameters === null ? [] : [`${plural(plan.parameters, 'learned number')}`]),
    `${plural(plan.tokens, 'token')} on ${plan.device}`,
    ...(plan.needsBytes === null
      ? []
      : [`needs ${formatBytes(plan.needsBytes)}${plan.freeBytes === null ? '' : ` of ${formatBytes(plan.freeBytes)} free`}`]),
    plan.etaSeconds === null ? 'time not known before the first run on this device' : `about ${formatDuration(plan.etaSeconds)}`,
  ]
}
