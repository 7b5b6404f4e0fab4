import type { Problem } from '../contract/problems.ts'
import type { AdapterStore } from '../library/adapter-store.ts'
import { parseRecipe } from '../recipes/parse-recipe.ts'
import { recipeText } from '../recipes/recipe-text.ts'

/** The YAML of a draft, with the names of its adapters beside their ids; empty when the draft cannot be read. */
export function draftText(
  draft: unknown,
  adapters: Pick<AdapterStore, 'byIds'>,
): { readonly yaml: string; readonly problems: readonly Problem[] } {
  const { recipe, problems } = parseRecipe(draft)
  if (!recipe) return { yaml: '', problems }
  return { yaml: recipeText(recipe, adapters.byIds(recipe.adapters.map((entry) => entry.adapter))), problems }
}
