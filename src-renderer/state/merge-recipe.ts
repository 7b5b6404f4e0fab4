import type { Coefficient, Recipe } from '../../src-main/contract/recipe.ts'
import { addSources, emptyDraft, methodOfDraft, type DraftRule, type DraftSource, type MergeDraft } from './merge-draft.ts'

/** A recipe as it goes to the host: plain JSON, not yet checked; what a person mistyped is in it as text. */
export interface RecipeDraft {
  readonly method: string
  readonly adapters: readonly Readonly<Record<string, unknown>>[]
  readonly params: Readonly<Record<string, unknown>>
  readonly output: Readonly<Record<string, unknown>>
  readonly seed?: unknown
}

/** The recipe that a draft spells. Index i of `adapters` is line i of the draft, so problems find their line by `adapters[i]`. */
export function recipeOf(draft: MergeDraft): RecipeDraft {
  const method = methodOfDraft(draft)
  const takesCoefficients = method?.coefficients ?? true
  const name = draft.output.name.trim()
  return {
    method: draft.method,
    adapters: draft.sources.map((source) => ({
      adapter: source.adapter,
      ...(takesCoefficients ? { coefficient: coefficientOf(source) } : {}),
      ...(Object.keys(source.params).length > 0 ? { params: source.params } : {}),
    })),
    params: draft.params[draft.method] ?? {},
    output: {
      ...(method === undefined || method.outputRank === 'chosen' ? { rank: draft.output.rank } : {}),
      dtype: draft.output.dtype,
      padTo: draft.output.padTo,
      ...(name === '' ? {} : { name }),
    },
    ...(method?.usesSeed ? { seed: draft.seed } : {}),
  }
}

function coefficientOf(source: DraftSource): unknown {
  if (source.rules.length === 0) return source.coefficient
  return { default: source.coefficient, rules: source.rules.map(ruleOf) }
}

function ruleOf(rule: DraftRule): Readonly<Record<string, unknown>> {
  const anyLayer = rule.firstLayer === '' && rule.lastLayer === ''
  return {
    ...(rule.modules === '' ? {} : { modules: rule.modules }),
    ...(anyLayer ? {} : { layers: [rule.firstLayer, rule.lastLayer] }),
    value: rule.value,
  }
}

/**
 * The draft that an opened recipe spells. `known` gives the library's id and name of each reference;
 * an unknown reference stays as it is, and the preview says that there is no such adapter.
 */
export function draftOf(recipe: Recipe, known: ReadonlyMap<string, { readonly id: string; readonly name: string }>): MergeDraft {
  const adapters = recipe.adapters.map(({ adapter }) => known.get(adapter) ?? { id: adapter, name: adapter })
  const lines = addSources(emptyDraft, adapters)
  return {
    method: recipe.method,
    sources: lines.sources.map((line, index) => {
      const read = recipe.adapters[index]
      return { ...line, ...editedCoefficient(read?.coefficient), params: typedParams(read?.params ?? {}) }
    }),
    params: { [recipe.method]: typedParams(recipe.params) },
    output: { rank: recipe.output.rank, dtype: recipe.output.dtype, padTo: recipe.output.padTo, name: recipe.output.name ?? '' },
    seed: recipe.seed,
  }
}

function editedCoefficient(coefficient: Coefficient | undefined): Pick<DraftSource, 'coefficient' | 'rules'> {
  if (coefficient === undefined) return { coefficient: 1, rules: [] }
  if (typeof coefficient === 'number') return { coefficient, rules: [] }
  const rules = coefficient.rules.map((rule, index): DraftRule => ({
    key: `r${index + 1}`,
    modules: rule.modules ?? '',
    firstLayer: rule.layers?.[0] ?? '',
    lastLayer: rule.layers?.[1] ?? '',
    value: rule.value,
  }))
  return { coefficient: coefficient.default, rules }
}

/** Parameters of a kind that no form field holds (a list, an object) are shown as their JSON, so that the check can refuse them by name. */
function typedParams(params: Readonly<Record<string, unknown>>): Readonly<Record<string, number | string | boolean>> {
  return Object.fromEntries(
    Object.entries(params).map(([id, value]) => [
      id,
      typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : JSON.stringify(value),
    ]),
  )
}
