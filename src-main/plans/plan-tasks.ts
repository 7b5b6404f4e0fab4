import * as v from 'valibot'
import { metricOf } from '../contract/metrics.ts'
import type { PlanTask } from '../contract/plan-run.ts'
import { Refusal } from '../contract/problems.ts'
import { evaluateInputSchema, type EvaluateInput, type Subject } from '../contract/run.ts'
import type { AskedExample } from '../jobs/evaluate-prompts.ts'
import { resolveEvaluation } from '../jobs/evaluate-resolve.ts'
import { messagesOf } from '../tasks/prompts.ts'
import type { PlanServices, ResolvedPlan } from './plan-services.ts'

/** The evaluation of subjects on the test examples of one task of a plan. */
export function testInput({ baseId, taskIds, file }: ResolvedPlan, task: string, subjects: readonly Subject[]): EvaluateInput {
  const tasks = [{ taskId: taskIds.get(task) ?? task, split: 'test', limit: file.testLimit }]
  return v.parse(evaluateInputSchema, { baseId, subjects, tasks })
}

/** The test examples of a task as the base model gets them, without those that are too long for it. Throws a Refusal where they cannot be encoded. */
export async function testExamples(
  plan: ResolvedPlan,
  task: string,
  { evaluation }: Pick<PlanServices, 'evaluation'>,
  signal?: AbortSignal,
): Promise<readonly AskedExample[]> {
  const resolved = resolveEvaluation(testInput(plan, task, [{ kind: 'base' }]), evaluation)
  const [ready] = resolved.evaluation?.tasks ?? []
  if (!resolved.evaluation || !ready) throw new Refusal(resolved.problems)
  return (await evaluation.prompts.encode(resolved.evaluation.base, ready, null, signal)).asked
}

/** A task with its test examples as a plan keeps them: the text that a person would read, without the frame of the chat template. */
export async function planTask(plan: ResolvedPlan, name: string, services: PlanServices, signal?: AbortSignal): Promise<PlanTask> {
  const { tasks } = services.library
  const id = plan.taskIds.get(name) ?? name
  const [task, file] = [tasks.get(id), tasks.file(id)]
  if (!task) throw new Error(`the task ${name} of a resolved plan is not found`)
  const asked = await testExamples(plan, name, services, signal)
  return {
    ...{ task: name, title: task.title, metric: task.metric, direction: metricOf(task.metric).direction, hash: task.hash },
    examples: asked.map(({ example }) => ({
      id: example.id,
      prompt: messagesOf({ ...file, instruction: '' }, example).at(-1)?.content ?? '',
      answer: example.answer,
    })),
  }
}

/** Tokens of the test examples of a task with their answers. */
export function tokensOfTest(asked: readonly AskedExample[]): number {
  return asked.reduce((sum, { prompt, answerTokens }) => sum + prompt.length + answerTokens, 0)
}
