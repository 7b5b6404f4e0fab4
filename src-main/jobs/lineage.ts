import type { AdapterDetail, Lineage } from '../contract/adapter.ts'
import type { Recipe } from '../contract/recipe.ts'
import { coefficientText, defaultCoefficient } from '../recipes/coefficients.ts'

/** Where a merged adapter comes from, as the library keeps it. `made` is its job. */
export function lineageOf(
  merge: { readonly recipe: Recipe; readonly fingerprint: string; readonly adapters: readonly AdapterDetail[] },
  made: { readonly id: string; readonly recipe: string },
  at: Date,
): Lineage {
  return {
    kind: 'merge',
    method: merge.recipe.method,
    fingerprint: merge.fingerprint,
    createdAt: at.toISOString(),
    jobId: made.id,
    sources: merge.adapters.map(({ id, name, contentHash }, index) => ({
      id,
      name,
      contentHash: contentHash ?? '',
      coefficient: coefficientText(merge.recipe.adapters[index]?.coefficient ?? defaultCoefficient),
    })),
    recipe: made.recipe,
  }
}
