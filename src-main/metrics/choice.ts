import type { AnswerOf, Measured } from './answer.ts'

/**
 * The label with the largest score, and whether it is the expected one. Of equal scores the label that comes first is taken. Nothing is chosen where a
 * score is not finite: a comparison with the others would mean nothing.
 */
export function choose(answer: AnswerOf<'choices'>, scores: readonly number[]): Measured {
  const { labels, logLikelihoods, expected } = answer
  if (labels.length === 0 || !scores.every((score) => Number.isFinite(score)))
    return { value: null, correct: null, prediction: null, logLikelihood: null, weight: 1 }
  const best = scores.indexOf(scores.reduce((left, right) => Math.max(left, right)))
  const correct = labels[best] === expected
  return { value: correct ? 1 : 0, correct, prediction: labels[best]!, logLikelihood: logLikelihoods[best]!, weight: 1 }
}
