import type { AdaptationDetail } from '../contract/adapt.ts'
import type { Problem } from '../contract/problems.ts'
import type { LearnOutcome } from '../engine/learn-request.ts'
import type { ChosenAdapters, ResolvedAdaptation } from './adapt-types.ts'
import type { RunOutcome } from './runner.ts'

/** What a job of Adapt leaves: as the command line prints it, with the job's id. */
export interface AdaptResult {
  readonly adapterId: string | null
  /** Folder of the adapter that was made. */
  readonly path: string | null
  readonly chosenStep: number | null
  readonly startLoss: number | null
  readonly chosenLoss: number | null
  readonly measured: NonNullable<AdaptationDetail['form']>['measured']
  readonly stopped: string | null
  readonly cost: AdaptationDetail['cost']
}

/** What was spent: by the selection, and by learning. */
export function costOf(
  { device, train, validation, noValidation }: ResolvedAdaptation,
  selection: ChosenAdapters['cost'],
  learned: readonly Pick<LearnOutcome, 'tokens' | 'seconds'>[] = [],
): AdaptationDetail['cost'] {
  return {
    tokens: learned.reduce((sum, { tokens }) => sum + tokens, selection.tokens),
    seconds: learned.reduce((sum, { seconds }) => sum + seconds, selection.seconds),
    device: device.name,
    examples: train.length + (noValidation ? 0 : validation.length),
    scoredAdapters: selection.scoredAdapters,
    selection: { tokens: selection.tokens, seconds: selection.seconds },
  }
}

/** A selection that cost nothing. */
export const noCost: ChosenAdapters['cost'] = { tokens: 0, seconds: 0, scoredAdapters: 0 }

/** The end of a job that learned something and made an adapter of it. */
export function learnedResult(
  written: { readonly id: string; readonly path: string },
  { chosenStep, startLoss, chosenLoss, stopped }: LearnOutcome,
  known: Pick<AdaptResult, 'measured' | 'cost'>,
  problems: readonly Problem[],
): RunOutcome {
  const result: AdaptResult = { adapterId: written.id, path: written.path, chosenStep, startLoss, chosenLoss, stopped, ...known }
  return { adapterId: written.id, result, problems }
}
