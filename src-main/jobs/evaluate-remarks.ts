import { errorProblem, isProblemCode, warningProblem, type Problem } from '../contract/problems.ts'
import type { EncodedTask } from './evaluate-prompts.ts'
import type { Evaluation } from './evaluate-resolve.ts'

/** Examples that failed while they were computed, by the label of the subject and the code of the problem. */
export type FailureCounts = Map<string, { readonly label: string; readonly code: string; readonly message: string; count: number }>

/** What is to be said of an evaluation besides its results: what was left out, what could not be asked, and what failed. */
export function remarksOn(
  evaluation: Evaluation,
  encoded: readonly (EncodedTask | undefined)[],
  failures: FailureCounts,
): readonly Problem[] {
  return [
    ...evaluation.tasks.flatMap((task, index) => remarksOnTask(evaluation, task, encoded[index])),
    ...[...failures.values()].map(({ label, code, message, count }) =>
      errorProblem(isProblemCode(code) ? code : 'internal', `${label}: ${examples(count)} could not be answered. ${message}`, {
        where: { value: label },
        hint: code === 'logits-not-finite' ? 'Look at the adapter in Inspect: a norm or a coefficient may be far too large.' : 'The log of the job says more.', // prettier-ignore
      }),
    ),
  ]
}

function remarksOnTask(
  { base, maxPromptTokens }: Evaluation,
  { task, examples: all }: Evaluation['tasks'][number],
  encoded: EncodedTask | undefined,
): readonly Problem[] {
  if (!encoded) return []
  const { skipped, asked } = encoded
  const limit = maxPromptTokens === null ? `the ${base.maxPositions} positions of ${base.name}` : `the limit of ${maxPromptTokens} tokens`
  const unusable = asked.flatMap(({ problem }) => problem ?? [])
  const [first] = unusable
  return [
    ...(skipped > 0 ? [tooLong(task.id, `${skipped} of ${all.length} examples of ${task.title} are left out: with their answers they do not fit into ${limit}.`)] : []), // prettier-ignore
    ...(first ? [warningProblem(first.code, `${examples(unusable.length)} of ${task.title} cannot be asked. ${first.message}`, { where: { value: task.id } })] : []), // prettier-ignore
  ]
}

function tooLong(taskId: string, message: string): Problem {
  return warningProblem('prompt-too-long', message, {
    where: { value: taskId },
    hint: 'Nothing is cut. Allow fewer new tokens, or take a base model with more positions.',
  })
}

function examples(count: number): string {
  return `${count} example${count === 1 ? '' : 's'}`
}
