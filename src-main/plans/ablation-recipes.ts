import { findMethod } from '../contract/methods.ts'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { Recipe } from '../contract/recipe.ts'
import type { Subject } from '../contract/run.ts'
import type { AdapterSource } from '../recipes/adapter-source.ts'
import { parseRecipe } from '../recipes/parse-recipe.ts'
import { resolveDraft } from '../recipes/resolve-recipe.ts'

/** A merge to be evaluated, and the key that its run will have. */
export interface MergeToEvaluate {
  readonly subject: Subject
  readonly key: string
}

/** A merge, and the same without each of its adapters. */
export interface LeftOut {
  readonly full: MergeToEvaluate
  readonly without: readonly { readonly adapterId: string; readonly name: string; readonly merge: MergeToEvaluate }[]
}

/**
 * The recipe of a merged or tuned adapter again without each of its adapters: the coefficients of the others stay as they were (those that a softmax made
 * are not brought to a sum of 1 again), and what the method makes of their number follows it (the mean over all, the share that agrees on a sign). Throws a
 * Refusal where the recipe does not say what each adapter contributes: coefficients of single rank units, trained factors and random numbers are in no
 * library, and a recipe of one adapter has nothing to leave out.
 */
export function leaveEachOut(name: string, text: string, adapters: AdapterSource): LeftOut {
  const { recipe, problems } = parseRecipe(text)
  if (!recipe || hasError(problems)) throw new Refusal(problems)
  const named = recipe.adapters.map(({ adapter }) => ({ id: adapter, name: adapters.get(adapter)?.name ?? null }))
  const gone = named.filter((one) => one.name === null).map(({ id }) => id)
  if (gone.length > 0) throw new Refusal([notInLibrary(name, gone)])
  const least = Math.max(1, findMethod(recipe.method)?.inputs.min ?? 1)
  if (named.length <= least) throw new Refusal([tooFew(name, named.length, least)])
  return {
    full: mergeOf(`${name}, the whole sum`, recipe, adapters),
    without: named.map(({ id, name: left }, index) => {
      const rest = { ...recipe, adapters: recipe.adapters.filter((_, place) => place !== index) }
      return { adapterId: id, name: left ?? id, merge: mergeOf(`${name} without ${left}`, rest, adapters) }
    }),
  }
}

function mergeOf(name: string, recipe: Recipe, adapters: AdapterSource): MergeToEvaluate {
  const { fingerprint, problems } = resolveDraft(recipe, adapters, { device: 'cpu' })
  if (fingerprint === null || hasError(problems)) throw new Refusal(problems)
  return { subject: { kind: 'recipe', name, recipe }, key: `recipe:${fingerprint}` }
}

function notInLibrary(name: string, gone: readonly string[]): Problem {
  const made = gone.every((id) => /^(learned|random)-\d+$/.test(id))
  const message = made
    ? `What each adapter contributes to ${name} is not kept: coefficients of single rank units, trained factors and random numbers went into the factors of the merge.`
    : `${gone.length} of the adapters of ${name} ${gone.length === 1 ? 'is' : 'are'} not in the library any more.`
  return errorProblem(made ? 'merge-not-separable' : 'adapter-unknown', message, {
    where: { value: gone.slice(0, 5).join(', ') },
    hint: made ? 'Choose a merge whose coefficients are of adapters, layers or modules.' : 'Import them again.',
  })
}

function tooFew(name: string, count: number, least: number): Problem {
  return errorProblem('too-few-adapters', `${name} is made of ${count} ${count === 1 ? 'adapter' : 'adapters'}; none can be left out.`, {
    hint: `The method needs ${least} of them.`,
  })
}
