import { join } from 'node:path'
import type { LearnAdapter, LearnCoefficients, LearnObjective, LearnOptimiser, LearnRequest } from '../engine/learn-request.ts'
import { choiceOf, numberOf } from './adapt-params.ts'
import { passTokens } from './adapt-size.ts'
import type { AdaptServices, ResolvedAdaptation } from './adapt-types.ts'

/** What differs between tuning and training, and between the phases of a training. */
export interface LearnParts {
  readonly adapters: readonly LearnAdapter[]
  readonly coefficients: LearnCoefficients | null
  readonly objective: LearnObjective
  readonly rates: Pick<LearnOptimiser, 'rate' | 'coefficientRate' | 'bRatio' | 'clipNorm' | 'clipEach'>
  /** Numbers that the optimiser moves: large ones are put down less often. */
  readonly parameters: number
  /** Checkpoints and journal. */
  readonly folder: string
  readonly stopFile: string
  readonly outFile: string
}

/** AdamW's own numbers (recycling-loras.md 3, step 8). */
const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
/** Numbers above which a checkpoint is worth less than the time it takes to write. */
const largeCheckpoint = 20_000_000
/** Checkpoints of a large job. */
const fewCheckpoints = 10

/** The whole request of one learning job. */
export function learnRequest(
  { base, device, params, train, validation, input }: ResolvedAdaptation,
  parts: LearnParts,
  settings: ReturnType<AdaptServices['settings']>,
): LearnRequest {
  const steps = numberOf(params, 'steps')
  const batch = numberOf(params, 'batch')
  const validateEvery = numberOf(params, 'validateEvery')
  const schedule = choiceOf(params, 'schedule') as LearnOptimiser['schedule']
  const { adapters, coefficients, objective, rates, parameters, folder, stopFile, outFile } = parts
  return {
    ...{ model: base.path, device: device.id, memoryBytes: Math.round(settings.memoryGigabytes * 1e9) },
    ...{ passTokens, passExamples: batch, recompute: 'auto', adapters, coefficients, objective },
    train: examplesOf(train),
    validation: examplesOf(validation),
    ...{ order: 'shuffled', steps, batch: batch * numberOf(params, 'accumulation') },
    optimiser: {
      ...{ ...adam, ...rates, schedule, weightDecay: numberOf(params, 'weightDecay') },
      warmupSteps: Math.min(steps, Math.ceil(numberOf(params, 'warmup') * steps)),
    },
    ...{ validateEvery, choose: choiceOf(params, 'choose') as LearnRequest['choose'], seed: input.seed },
    checkpointFolder: join(folder, 'checkpoint'),
    checkpointEvery: parameters > largeCheckpoint ? Math.max(validateEvery, Math.ceil(steps / fewCheckpoints)) : validateEvery,
    ...{ stopFile, journalFile: join(folder, 'journal.jsonl'), outFile },
  }
}

function examplesOf(examples: ResolvedAdaptation['train']): LearnRequest['train'] {
  return examples.map(({ prompt, answer, group }) => ({ prompt, answer, group }))
}
