import type { AnswerOf, Measured } from './answer.ts'
import { finiteOrNull } from './finite.ts'
import { predictionOf } from './prediction.ts'

/**
 * Normalised exact match (recycling-loras.md 1.7): both answers without spaces, without white space around them, without one full stop at the end, in
 * lower case; equal or not.
 */
export function exactMatch({ text, expected, logLikelihood }: AnswerOf<'generate'>): Measured {
  const prediction = predictionOf(text)
  const correct = normalised(prediction) === normalised(predictionOf(expected))
  return { value: correct ? 1 : 0, correct, prediction, logLikelihood: finiteOrNull(logLikelihood), weight: 1 }
}

function normalised(answer: string): string {
  return answer.replaceAll(' ', '').trim().replace(/\.$/, '').toLowerCase()
}
