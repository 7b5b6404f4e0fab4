import type { AdaptationDetail } from '../contract/adapt.ts'
import { evaluateInputSchema, type EvaluateRequestInput, type Run, type Subject } from '../contract/run.ts'
import * as v from 'valibot'
import type { AdaptContext, AdaptServices, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { createEvaluateRunner, type EvaluateResult } from './evaluate.ts'
import { withOverlay } from './overlay-source.ts'

type Measured = NonNullable<AdaptationDetail['form']>['measured'][number]

/** A subject and what it stands for; adapters that are in no library lie in the work folder. */
export interface Contender {
  readonly what: Measured['what']
  readonly subject: Subject
}

/**
 * Evaluates subjects on labelled examples within a running job; runs are stored as every evaluation's, and known ones not computed again. `made` are
 * adapters of the job's own work folder. Throws Refusal: what an evaluation refuses, cancelled.
 */
export async function evaluateWithin(
  input: EvaluateRequestInput,
  services: Pick<AdaptServices, 'evaluation'>,
  context: Pick<AdaptContext, 'jobId' | 'signal' | 'report' | 'note'>,
  made: readonly UsableAdapter[] = [],
): Promise<EvaluateResult> {
  const { evaluation } = services
  const runner = createEvaluateRunner({ ...evaluation, adapters: withOverlay(evaluation.adapters, made) })
  const parsed = v.parse(evaluateInputSchema, input)
  const { signal, report, note } = context
  const { result } = await runner.evaluate(context.jobId, { ...parsed, strict: true }, { signal, report, note, keep: () => undefined })
  return result
}

/** The runs of contenders on the held-out labelled examples (on the training examples where none are), by the metric of the task, in their order. */
export async function runContenders(
  contenders: readonly Contender[],
  { input, noValidation }: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  made: readonly UsableAdapter[] = [],
): Promise<readonly Run[]> {
  const { runs } = await evaluateWithin(
    {
      baseId: input.baseId,
      subjects: contenders.map(({ subject }) => subject),
      tasks: [{ taskId: input.taskId, split: noValidation ? 'train' : 'validation', budget: input.budget }],
    },
    services,
    { ...context, report: (progress) => context.report({ ...progress, stage: `measuring: ${progress.stage}` }) },
    made,
  )
  return runs.map((id) => {
    const run = services.runs.get(id)
    if (!run) throw new Error(`the run ${id} is gone`)
    return run
  })
}

/** The metric of contenders as it is shown with a result; those that could not be answered are left out. */
export function measuredOf(contenders: readonly Contender[], runs: readonly Run[]): Measured[] {
  return contenders.flatMap(({ what }, index): Measured[] => {
    const run = runs[index]
    if (!run || run.value === null || run.low === null || run.high === null) return []
    const split = run.split === 'train' ? 'train' : 'validation'
    return [{ what, split, metric: run.metric, n: run.done, value: run.value, low: run.low, high: run.high }]
  })
}

/** The base model and one's own LoRA: what every result stands beside. */
export function standards({ own }: Pick<ResolvedAdaptation, 'own'>): readonly Contender[] {
  const base: Contender = { what: 'base', subject: { kind: 'base' } }
  return own === null ? [base] : [base, { what: 'own', subject: { kind: 'adapter', adapterId: own.id, coefficient: 1 } }]
}
