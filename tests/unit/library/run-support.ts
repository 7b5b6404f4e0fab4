import type { Outcome } from '../../../src-main/contract/run.ts'
import type { CheckpointFacts, NewBase } from '../../../src-main/library/base-types.ts'
import type { NewOutcome, NewRun } from '../../../src-main/library/run-types.ts'

/** Facts of a tiny Llama whose adapters are those of helpers/adapters.ts. */
export const tinyFacts: CheckpointFacts = {
  ...{
    family: 'llama',
    dtype: 'BF16',
    parameters: 1000,
    weightBytes: 2000,
    vocabulary: 40,
    hidden: 16,
    intermediate: 24,
    layers: 2,
    heads: 4,
  },
  ...{ kvHeads: 2, headDim: 4, maxPositions: 64, tied: true, endTokens: [1], files: ['/models/tiny/model.safetensors'], modules: [] },
  memory: [{ device: 'cpu', needs: 5000, free: 9000 }],
}

/** A base model to be put down without files. */
export function tinyBase(path = '/models/tiny', given: Partial<NewBase> = {}): NewBase {
  return { path, name: path.split('/').at(-1)!, stamp: 'one', facts: tinyFacts, template: 'own', problems: [], ...given }
}

/** A run of `subject` on the test split of `task`. */
export function runOn(baseId: string, task: string, subject = 'base', given: Partial<NewRun> = {}): NewRun {
  const kind = subject === 'base' ? 'base' : 'adapter'
  return {
    ...{ key: `${task} ${subject}`, baseId, taskId: task, taskHash: 'h1', split: 'test', budget: null, metric: 'exact_match', skipped: 0 },
    subject: { key: subject, kind, label: subject, adapterId: kind === 'adapter' ? subject : null },
    exampleIds: ['e0', 'e1', 'e2', 'e3'],
    provenance: { device: 'CPU' },
    ...given,
  }
}

/** The outcome of the example at `position`: right or wrong, or with a value of its own. */
export function outcomeAt(position: number, value: boolean | number | null, given: Partial<NewOutcome> = {}): NewOutcome {
  return {
    ...{
      position,
      exampleId: `e${position}`,
      prompt: `question ${position}`,
      answer: `answer ${position}`,
      weight: 1,
      choices: null,
      problem: null,
    },
    prediction: value === true ? `answer ${position}` : 'something else',
    value: value === null ? null : Number(value),
    correct: typeof value === 'boolean' ? value : null,
    logLikelihood: -0.5,
    ...given,
  }
}

/** The raw outcome without what only the store needs. */
export function rawOf({ position: _position, weight: _weight, ...outcome }: NewOutcome): Outcome {
  return outcome
}
