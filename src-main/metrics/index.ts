import { metricOf, type Ask, type MetricId } from '../contract/metrics.ts'
import type { Answer, AnswerOf, Measured } from './answer.ts'
import { choiceAccuracy } from './choice_accuracy.ts'
import { choiceAccuracyPerToken } from './choice_accuracy_per_token.ts'
import { exactMatch } from './exact_match.ts'
import { meanLoss } from './mean_loss.ts'
import { rougeL } from './rouge_l.ts'
import { tokenF1 } from './token_f1.ts'

export type { Answer, Measured } from './answer.ts'
export { predictionOf } from './prediction.ts'

/** The arithmetic of every metric; what it asks of the model is said once, in the contract. */
const arithmetic = {
  exact_match: exactMatch,
  choice_accuracy: choiceAccuracy,
  choice_accuracy_per_token: choiceAccuracyPerToken,
  token_f1: tokenF1,
  rouge_l: rougeL,
  mean_loss: meanLoss,
} as const satisfies {
  readonly [Id in MetricId]: (answer: never) => Measured
}

/** Measures one answer. Throws an Error for an answer of another kind than the metric asks for. */
export function measure(metric: MetricId, answer: Answer): Measured {
  const { asks } = metricOf(metric)
  if (answer.kind !== asks) throw new Error(`${metric} needs an answer of the kind "${asks}", and got "${answer.kind}"`)
  // The kind was just compared; the compiler cannot follow it through the table.
  return (arithmetic[metric] as (answer: AnswerOf<Ask>) => Measured)(answer)
}
