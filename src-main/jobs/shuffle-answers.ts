import type { Example } from '../contract/task.ts'
import { createRandom } from '../statistics/random.ts'

/** The examples with their answers dealt out anew among them: a permutation that follows from the seed alone (Fisher and Yates). */
export function shuffleAnswers(examples: readonly Example[], seed: number): readonly Example[] {
  const random = createRandom(seed)
  const answers = examples.map(({ answer }) => answer)
  for (let last = answers.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    const moved = answers[last]!
    answers[last] = answers[other]!
    answers[other] = moved
  }
  return examples.map((example, index) => ({ ...example, answer: answers[index]! }))
}
