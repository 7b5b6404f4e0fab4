import type { AnswerOf, Measured } from './answer.ts'
import { choose } from './choice.ts'

/** Accuracy of the label with the largest log-likelihood. */
export function choiceAccuracy(answer: AnswerOf<'choices'>): Measured {
  return choose(answer, answer.logLikelihoods)
}
