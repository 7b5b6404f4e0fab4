import type { AnswerOf, Measured } from './answer.ts'
import { finiteOrNull } from './finite.ts'
import { predictionOf } from './prediction.ts'

/**
 * F1 of shared words as in SQuAD (Rajpurkar et al. 2016): both answers in lower case, without ASCII punctuation, without the words a, an and the, split
 * at white space; words count as often as they occur. Where one of the two has no words left, it is 1 if both have none and 0 otherwise (SQuAD 2.0).
 */
export function tokenF1({ text, expected, logLikelihood }: AnswerOf<'generate'>): Measured {
  const prediction = predictionOf(text)
  const value = f1(wordsOf(prediction), wordsOf(predictionOf(expected)))
  return { value, correct: null, prediction, logLikelihood: finiteOrNull(logLikelihood), weight: 1 }
}

const articles: ReadonlySet<string> = new Set(['a', 'an', 'the'])

function wordsOf(answer: string): readonly string[] {
  const plain = answer.toLowerCase().replaceAll(/[!-/:-@[-`{-~]/g, '')
  return plain.split(/\s+/).filter((word) => word !== '' && !articles.has(word))
}

function f1(predicted: readonly string[], expected: readonly string[]): number {
  if (predicted.length === 0 || expected.length === 0) return predicted.length === expected.length ? 1 : 0
  const left = new Map<string, number>()
  for (const word of expected) left.set(word, (left.get(word) ?? 0) + 1)
  let shared = 0
  for (const word of predicted) {
    const count = left.get(word) ?? 0
    if (count === 0) continue
    left.set(word, count - 1)
    shared += 1
  }
  return (2 * shared) / (predicted.length + expected.length)
}
