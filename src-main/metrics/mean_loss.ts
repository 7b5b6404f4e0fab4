import type { AnswerOf, Measured } from './answer.ts'
import { finiteOrNull } from './finite.ts'

/**
 * Cross-entropy of the expected answer in nats per token of it. An example counts in the run's mean by its tokens, so that the run's value is the total
 * loss over the total tokens and exp of it the perplexity of the answers.
 */
export function meanLoss({ logLikelihood, tokens }: AnswerOf<'loss'>): Measured {
  return {
    value: finiteOrNull((0 - logLikelihood) / tokens),
    correct: null,
    prediction: null,
    logLikelihood: finiteOrNull(logLikelihood),
    weight: tokens,
  }
}
