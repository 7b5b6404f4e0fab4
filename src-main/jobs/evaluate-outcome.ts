import type { MetricId } from '../contract/metrics.ts'
import type { Outcome } from '../contract/run.ts'
import type { ChoicesLine, EvaluateLine, GeneratedLine, LossLine } from '../engine/evaluate-request.ts'
import type { NewOutcome } from '../library/run-types.ts'
import { measure, type Answer } from '../metrics/index.ts'
import type { WorkItem } from './evaluate-work.ts'

/** The outcome that a line of the journal says. `decode` makes text of generated tokens. */
export function outcomeOf(
  line: EvaluateLine,
  item: WorkItem,
  position: number,
  metric: MetricId,
  decode: (tokens: readonly number[]) => string,
): NewOutcome {
  if ('problem' in line) return problemOutcome(item, position, line.problem)
  const choices = 'logProbabilities' in line ? choicesOf(line, item) : null
  const { value, correct, prediction, logLikelihood, weight } = measure(metric, answerOf(line, item, choices, decode))
  return { ...questionOf(item), position, weight, prediction, value, correct, logLikelihood, choices, problem: null }
}

/** The outcome of an example that has no answer, with the code of the problem. */
export function problemOutcome(item: WorkItem, position: number, problem: string): NewOutcome {
  const nothing = { prediction: null, value: null, correct: null, logLikelihood: null, choices: null }
  return { ...questionOf(item), position, weight: 1, ...nothing, problem }
}

function answerOf(
  line: GeneratedLine | ChoicesLine | LossLine,
  { expected }: WorkItem,
  choices: Outcome['choices'],
  decode: (tokens: readonly number[]) => string,
): Answer {
  if ('logProbabilities' in line) {
    const labels = choices ?? []
    return {
      kind: 'choices',
      expected,
      labels: labels.map(({ label }) => label),
      logLikelihoods: line.logProbabilities,
      tokens: labels.map(({ tokens }) => tokens),
    }
  }
  if ('tokens' in line) return { kind: 'generate', expected, text: decode(line.tokens), logLikelihood: line.logProbability }
  return { kind: 'loss', expected, logLikelihood: line.logProbability, tokens: line.count }
}

function choicesOf({ logProbabilities }: ChoicesLine, { choices, exampleId }: WorkItem): NonNullable<Outcome['choices']> {
  if (choices?.length !== logProbabilities.length) throw new Error(`the line of ${exampleId} has ${logProbabilities.length} choices`)
  return choices.map(({ label, tokens }, index) => ({ label, tokens, logLikelihood: logProbabilities[index]! }))
}

function questionOf({ exampleId, prompt, expected }: WorkItem): Pick<Outcome, 'exampleId' | 'prompt' | 'answer'> {
  return { exampleId, prompt, answer: expected }
}
