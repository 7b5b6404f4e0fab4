import type { AnswerOf, Measured } from './answer.ts'
import { finiteOrNull } from './finite.ts'
import { predictionOf } from './prediction.ts'

/**
 * ROUGE-L (Lin 2004): F-measure, precision and recall counting the same, of the longest common subsequence of words. Words are runs of letters, marks
 * and digits in lower case, not stemmed; the whole answer is one sequence. 1 where neither answer has words, 0 where only one has.
 */
export function rougeL({ text, expected, logLikelihood }: AnswerOf<'generate'>): Measured {
  const prediction = predictionOf(text)
  const [predicted, wanted] = [wordsOf(prediction), wordsOf(predictionOf(expected))]
  const words = predicted.length + wanted.length
  const value = words === 0 ? 1 : (2 * longestCommon(predicted, wanted)) / words
  return { value, correct: null, prediction, logLikelihood: finiteOrNull(logLikelihood), weight: 1 }
}

function wordsOf(answer: string): readonly string[] {
  return answer.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
}

/** Length of the longest common subsequence; row by row, so that memory grows with one answer only. */
function longestCommon(left: readonly string[], right: readonly string[]): number {
  const row = new Uint32Array(right.length + 1)
  for (const word of left) {
    let diagonal = 0
    for (let i = 1; i <= right.length; i++) {
      const above = row[i]!
      row[i] = word === right[i - 1] ? diagonal + 1 : Math.max(above, row[i - 1]!)
      diagonal = above
    }
  }
  return row[right.length]!
}
