import { metricOf, type MetricId } from '../contract/metrics.ts'
import type { SelectionId } from '../contract/selection.ts'
import type { Run } from '../contract/run.ts'
import { strategies } from '../selection/index.ts'
import type { CandidateFacts } from '../selection/strategy.ts'
import { createRandom } from '../statistics/random.ts'
import { evaluateWithin } from './adapt-measure.ts'
import type { AdaptContext, AdaptServices, ChosenAdapters, ResolvedAdaptation } from './adapt-types.ts'
import type { LabelledSplit } from './labelled-tasks.ts'
import { alignGradients } from './select-gradients.ts'

/** What is known of the pool, in its order, and what finding out cost. */
export interface GatheredFacts {
  readonly facts: readonly CandidateFacts[]
  readonly cost: ChosenAdapters['cost']
}

/** The examples that choosing may look at. */
const judgedOn: LabelledSplit = 'train'

const free: ChosenAdapters['cost'] = { tokens: 0, seconds: 0, scoredAdapters: 0 }

/** Finds out what the strategy needs to know of every adapter of the pool. */
export async function gatherFacts(
  id: SelectionId,
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
): Promise<GatheredFacts> {
  const random = createRandom(adaptation.input.seed)
  const plain = adaptation.pool.map(({ modules }): CandidateFacts => ({
    ...{ rank: Math.max(0, ...modules.map(({ rank }) => rank)), draw: random.uniform() },
    ...{ metric: null, loss: null, gradient: null, similarity: null, missing: null },
  }))
  if (plain.length === 0) return { facts: plain, cost: free }
  const { needs } = strategies[id]
  switch (needs) {
    case 'nothing':
      return { facts: plain, cost: free }
    case 'metric':
      return scoreAlone(plain, adaptation.file.metric, adaptation, services, context)
    case 'loss':
      return scoreAlone(plain, 'mean_loss', adaptation, services, context)
    case 'gradient': {
      const { gradients, cost } = await alignGradients(adaptation, services, context)
      const facts = plain.map((known, index) => {
        const found = gradients[index]!
        return typeof found === 'string' ? { ...known, missing: found } : { ...known, gradient: found }
      })
      return { facts, cost }
    }
    case 'factors':
    case 'dense':
      return { facts: await compareWithOwn(plain, needs === 'dense', adaptation, services, context), cost: free }
  }
}

/** Every adapter alone at coefficient 1, by a metric, on the training examples of the budget. */
async function scoreAlone(
  plain: readonly CandidateFacts[],
  metric: MetricId,
  { pool, input }: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
): Promise<GatheredFacts> {
  const { runs, computed } = await evaluateWithin(
    {
      baseId: input.baseId,
      subjects: pool.map(({ id }) => ({ kind: 'adapter', adapterId: id, coefficient: 1 })),
      tasks: [{ taskId: input.taskId, split: judgedOn, budget: input.budget, metric }],
      purpose: 'score',
    },
    services,
    { ...context, report: (progress) => context.report({ ...progress, stage: `choosing: ${progress.stage}` }) },
  )
  const found = new Map(runs.flatMap((id) => services.runs.get(id) ?? []).map((run) => [run.subject.key, run]))
  const { direction } = metricOf(metric)
  const facts = pool.map(({ contentHash }, index): CandidateFacts => {
    const { value, missing } = measuredOf(found.get(`adapter:${contentHash}@1`))
    const known =
      value === null ? {} : metric === 'mean_loss' ? { loss: value, metric: { value, direction } } : { metric: { value, direction } }
    return { ...plain[index]!, ...known, missing }
  })
  return { facts, cost: { tokens: computed?.tokens ?? 0, seconds: computed?.seconds ?? 0, scoredAdapters: pool.length } }
}

/** An adapter some of whose answers are not finite is broken, whatever the others say. */
function measuredOf(run: Run | undefined): { readonly value: number | null; readonly missing: string | null } {
  const broken = run?.problems.find(({ code }) => code === 'logits-not-finite')
  if (broken) return { value: null, missing: broken.message }
  if (run === undefined || run.value === null)
    return { value: null, missing: run?.problems[0]?.message ?? 'Not one example could be answered.' }
  return { value: run.value, missing: null }
}

async function compareWithOwn(
  plain: readonly CandidateFacts[],
  dense: boolean,
  { pool, own }: ResolvedAdaptation,
  { engine }: Pick<AdaptServices, 'engine'>,
  context: AdaptContext,
): Promise<readonly CandidateFacts[]> {
  if (own === null) throw new Error('a comparison needs an own LoRA, which is checked before it')
  const { candidates } = await engine.similarity(
    { query: updateOf(own), candidates: pool.map(updateOf), dense },
    { signal: context.signal, onProgress: (progress) => context.report({ ...progress, stage: 'choosing: comparing' }) },
  )
  return plain.map((facts, index) => ({ ...facts, similarity: candidates[index] ?? null }))
}

function updateOf({ name, weightsFile, modules }: ResolvedAdaptation['pool'][number]) {
  return { name, weightsFile, modules }
}
