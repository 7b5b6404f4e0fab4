import type { AnswerOf, Measured } from './answer.ts'
import { choose } from './choice.ts'

/** Accuracy of the label with the largest mean log-likelihood per token (Brown et al. 2020), so that long labels are not at a disadvantage. */
export function choiceAccuracyPerToken(answer: AnswerOf<'choices'>): Measured {
  return choose(
    answer,
    answer.logLikelihoods.map((logLikelihood, index) => logLikelihood / answer.tokens[index]!),
  )
}
