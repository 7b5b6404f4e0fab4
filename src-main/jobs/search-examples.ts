import { metricOf, type MetricId } from '../contract/metrics.ts'
import type { EvaluateAsk } from '../engine/evaluate-request.ts'
import type { AdaptServices, ResolvedAdaptation } from './adapt-types.ts'
import type { WorkItem } from './evaluate-work.ts'

/** A labelled example as a search asks it, and what turns the answer into an outcome. */
export interface AskedItem {
  readonly prompt: readonly number[]
  readonly ask: EvaluateAsk
  readonly item: WorkItem
}

/** The examples that candidates are judged on, and those held out; none where nothing is held out. */
export interface SearchExamples {
  readonly metric: MetricId
  readonly judged: readonly AskedItem[]
  readonly heldOut: readonly AskedItem[]
}

/** Makes the examples of a search, asked by its objective. Only labelled examples that fit the adaptation's limits are among them. Throws Refusal. */
export async function encodeSearchExamples(
  adaptation: ResolvedAdaptation,
  services: Pick<AdaptServices, 'tasks' | 'prompts'>,
  signal: AbortSignal,
): Promise<SearchExamples> {
  const { params, file, noValidation } = adaptation
  const metric: MetricId = params['objective'] === 'metric' ? file.metric : 'mean_loss'
  const train = await encodeSplit(adaptation, 'train', metric, services, signal)
  const validation = noValidation ? [] : await encodeSplit(adaptation, 'validation', metric, services, signal)
  const isTogether = params['judgedOn'] === 'train+validation'
  return { metric, judged: isTogether ? [...train, ...validation] : train, heldOut: isTogether ? [] : validation }
}

async function encodeSplit(
  { base, task, file, input, train, validation }: ResolvedAdaptation,
  split: 'train' | 'validation',
  metricId: MetricId,
  { tasks, prompts }: Pick<AdaptServices, 'tasks' | 'prompts'>,
  signal: AbortSignal,
): Promise<readonly AskedItem[]> {
  const wanted = new Set((split === 'train' ? train : validation).map(({ id }) => id))
  const examples = tasks.labelled(input.taskId, split, input.budget).examples.filter(({ id }) => wanted.has(id))
  const ready = { task, file, split, budget: input.budget, metricId, metric: metricOf(metricId), maxNewTokens: file.maxNewTokens, examples }
  const { asked } = await prompts.encode(base, ready, null, signal)
  return asked.flatMap(({ example, promptText, prompt, ask, choices }) => {
    if (ask === null) return []
    const item: WorkItem = {
      ...{ exampleId: example.id, prompt: promptText, expected: example.answer, promptTokens: prompt.length },
      choices: choices && choices.map(({ label, tokens }) => ({ label, tokens: tokens.length })),
    }
    return [{ prompt, ask, item }]
  })
}
