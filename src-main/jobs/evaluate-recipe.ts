import * as v from 'valibot'
import { stringify } from 'yaml'
import { evaluateInputSchema } from '../contract/run.ts'
import type { StoredJob } from '../library/job-store.ts'
import type { EvaluateJobInput } from './evaluate-input.ts'
import { hashOf } from './evaluate-key.ts'
import type { Evaluation } from './evaluate-resolve.ts'
import type { ReadySubject } from './evaluate-subjects.ts'

/** The part of a resolved evaluation that starts it again; the rest is for reading. */
const keptSchema = v.object({
  kind: v.literal('evaluate'),
  input: v.object({ ...evaluateInputSchema.entries, strict: v.optional(v.boolean()) }),
})

/** What a job of this kind was started with. */
export function inputOfJob({ resolved }: Pick<StoredJob, 'resolved'>): EvaluateJobInput {
  const { strict, ...input } = v.parse(keptSchema, JSON.parse(resolved)).input
  return { ...input, ...(strict !== undefined && { strict }) }
}

/** The evaluation with every default, hash, coefficient and example id filled in, as JSON text, and its fingerprint. */
export function resolvedJob(evaluation: Evaluation, input: EvaluateJobInput): { readonly resolved: string; readonly fingerprint: string } {
  const { base, device, nativeBuild, maxPromptTokens } = evaluation
  const content = {
    schema: 1,
    kind: 'evaluate',
    base: base.contentHash,
    device: device.name,
    nativeBuild,
    maxPromptTokens,
    // Decoding is greedy and nothing else is drawn: there is no seed.
    seed: null,
    subjects: evaluation.subjects.map(resolvedSubject),
    tasks: evaluation.tasks.map(({ task, split, budget, metric, maxNewTokens, examples }) => ({
      ...{ task: task.hash, split, budget, metric: metric.id },
      maxNewTokens: metric.asks === 'generate' ? maxNewTokens : null,
      exampleIds: examples.map(({ id }) => id),
    })),
  }
  return { resolved: JSON.stringify({ ...content, input }), fingerprint: hashOf(content) }
}

function resolvedSubject({ subject: { key }, terms, merge }: ReadySubject): unknown {
  return {
    key,
    merged: merge !== null,
    terms: terms.map(({ adapter, coefficients }) => ({ adapter: adapter.contentHash, coefficients })),
  }
}

/** Most subjects that the description names. */
const mostNamed = 100

/** The evaluation for people, as YAML. */
export function describeEvaluation({ base, subjects, tasks, device, maxPromptTokens }: Evaluation): string {
  const named = subjects.slice(0, mostNamed).map(({ subject: { label, kind, adapterId } }) => (kind === 'adapter' ? { adapter: adapterId, name: label } : { [kind]: label })) // prettier-ignore
  return stringify({
    base: { id: base.id, name: base.name },
    subjects: subjects.length > mostNamed ? [...named, `and ${subjects.length - mostNamed} more`] : named,
    tasks: tasks.map(({ task, split, budget, metric, maxNewTokens, examples }) => ({
      ...{ task: task.id, split, ...(budget !== null && { budget }), metric: metric.id, examples: examples.length },
      ...(metric.asks === 'generate' && { maxNewTokens }),
    })),
    ...(maxPromptTokens !== null && { maxPromptTokens }),
    device: device.name,
  })
}

/** "Evaluate 3 subjects on sentiment", "Score 19 adapters on 2 tasks". */
export function titleOf({ subjects, tasks }: Evaluation, purpose: EvaluateJobInput['purpose']): string {
  const adapters = subjects.filter(({ subject }) => subject.kind === 'adapter')
  const [one] = subjects
  const who =
    purpose === 'score'
      ? counted(adapters.length, 'adapter')
      : subjects.length === 1 && one
        ? one.subject.label.slice(0, 100)
        : counted(subjects.length, 'subject')
  const [task] = tasks
  return `${purpose === 'score' ? 'Score' : 'Evaluate'} ${who} on ${tasks.length === 1 && task ? task.task.title : counted(tasks.length, 'task')}`
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
