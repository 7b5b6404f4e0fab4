import { Document, isMap, isPair, isScalar, isSeq, visit } from 'yaml'
import { findMethod } from '../contract/methods.ts'
import { defaultsOf } from '../contract/params.ts'
import type { Recipe, ResolvedMergeJob } from '../contract/recipe.ts'
import { defaultCoefficient } from './coefficients.ts'

/** What an adapter reference means, when that is known. */
export interface NamedAdapter {
  readonly id: string
  readonly name: string
}

/**
 * The recipe with every default written out: coefficients where the method takes them, parameters of both levels, output and seed.
 * Parameters that the registry does not know stay as they are.
 */
export function completeRecipe(recipe: Recipe): Recipe {
  const method = findMethod(recipe.method)
  const specs = method?.params ?? []
  return {
    method: recipe.method,
    adapters: recipe.adapters.map(({ adapter, coefficient, params }) => {
      const own = { ...defaultsOf(specs, 'adapter'), ...params }
      return {
        adapter,
        ...((coefficient !== undefined || method?.coefficients) && { coefficient: coefficient ?? defaultCoefficient }),
        ...(Object.keys(own).length > 0 && { params: own }),
      }
    }),
    params: { ...defaultsOf(specs, 'recipe'), ...recipe.params },
    output: recipe.output,
    seed: recipe.seed,
  }
}

/** The recipe with each adapter named by its id, so that it means the same from any folder. `adapters` in the recipe's order. */
export function withIds(recipe: Recipe, adapters: readonly NamedAdapter[]): Recipe {
  return { ...recipe, adapters: recipe.adapters.map((entry, index) => ({ ...entry, adapter: adapters[index]?.id ?? entry.adapter })) }
}

/** The recipe with the parameters of its resolved job: numbers where it said "auto". */
export function withResolvedParams(recipe: Recipe, job: Pick<ResolvedMergeJob, 'params' | 'adapters'>): Recipe {
  const own = (index: number) => job.adapters[index]?.params ?? {}
  return {
    ...recipe,
    params: { ...recipe.params, ...job.params },
    adapters: recipe.adapters.map((entry, index) => (Object.keys(own(index)).length > 0 ? { ...entry, params: own(index) } : entry)),
  }
}

/** A recipe as YAML, with every default. Where a reference is an id, the adapter's name stands beside it as a comment. */
export function recipeText(recipe: Recipe, adapters: readonly NamedAdapter[] = []): string {
  const document = new Document(completeRecipe(recipe), { aliasDuplicateObjects: false })
  visit(document, {
    Pair(_key, pair) {
      if (isScalar(pair.key) && (pair.key.value === 'layers' || pair.key.value === 'output') && (isSeq(pair.value) || isMap(pair.value)))
        pair.value.flow = true
    },
    Map(_key, map) {
      const reference = map.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === 'adapter')?.value
      if (!isScalar(reference)) return
      const named = adapters.find((adapter) => adapter.id === reference.value)
      if (named) reference.comment = ` ${named.name.replaceAll(/\s+/g, ' ')}`
    },
  })
  return document.toString({ lineWidth: 0 })
}
