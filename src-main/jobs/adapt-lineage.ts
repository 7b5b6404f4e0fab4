import type { AdaptationDetail } from '../contract/adapt.ts'
import type { AdaptationLineage, Lineage } from '../contract/adapter.ts'
import type { LearnOutcome } from '../engine/learn-request.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation } from './adapt-types.ts'

/** What a result's lineage says besides what every adaptation's does. */
export interface MadeFrom {
  readonly kind: 'tuned' | 'trained'
  /** The merge method that the coefficients went through, or the variant that was trained. */
  readonly method: string
  readonly sources: Lineage['sources']
  /** As YAML. */
  readonly recipe: string
  /** null: no curve chose it. */
  readonly chosen: Pick<LearnOutcome, 'chosenStep' | 'startLoss' | 'chosenLoss'> | null
}

/** Where a tuned, searched or trained adapter comes from, as the library keeps it. */
export function lineageOfAdaptation(
  adaptation: ResolvedAdaptation,
  { kind, method, sources, recipe, chosen }: MadeFrom,
  { jobId }: Pick<AdaptContext, 'jobId'>,
  { now, adaptations }: Pick<AdaptServices, 'now' | 'adaptations'>,
): Lineage {
  return {
    ...{ kind, method, sources, recipe, jobId, fingerprint: adaptation.fingerprint },
    createdAt: now().toISOString(),
    adaptation: adaptationLineage(adaptation, chosen, curveOf(adaptations.get(jobId))),
  }
}

/** The validation losses, or where none were measured (a search that judges on all examples) the least objective so far. */
function curveOf(detail: Pick<AdaptationDetail, 'curve'> | null): AdaptationLineage['curve'] {
  const points = detail?.curve ?? []
  const validated = points.flatMap(({ step, validationLoss }) => (validationLoss === null ? [] : [{ step, loss: validationLoss }]))
  return validated.length > 0 ? validated : points.flatMap(({ step, trainLoss }) => (trainLoss === null ? [] : [{ step, loss: trainLoss }]))
}

function adaptationLineage(
  adaptation: ResolvedAdaptation,
  chosen: MadeFrom['chosen'],
  curve: AdaptationLineage['curve'],
): AdaptationLineage {
  const { arm, control, preset, params, base, task, input, train, validation, noValidation, pool } = adaptation
  if (arm === 'select') throw new Error('a selection makes no adapter')
  return {
    ...{ arm, control: control?.id ?? null, preset: preset?.id ?? null, params },
    ...{ baseName: base.name, baseHash: base.contentHash, taskId: task.id, taskHash: task.hash, budget: input.budget, seed: input.seed },
    trainIds: train.map(({ id }) => id),
    validationIds: noValidation ? [] : validation.map(({ id }) => id),
    chosenStep: chosen?.chosenStep ?? null,
    startLoss: chosen?.startLoss ?? null,
    chosenLoss: chosen?.chosenLoss ?? null,
    pool: pool.map(({ name, contentHash }) => ({ name, contentHash })),
    curve,
  }
}
