import { planEvaluation } from '../jobs/evaluate-plan.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

/** Requests that compute: what an evaluation would need, the job that does it, and one prompt to try. */
export function evaluateHandlers({
  evaluation,
  prompter,
  queue,
}: Pick<Services, 'evaluation' | 'prompter' | 'queue'>): Pick<Handlers, 'evaluate.plan' | 'evaluate.start' | 'evaluate.try'> {
  return {
    'evaluate.plan': (input) => planEvaluation(input, evaluation),
    'evaluate.start': (input) => queue.start('evaluate', input),
    'evaluate.try': (input) => prompter.answer(input),
  }
}
