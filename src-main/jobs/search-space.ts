import type { AdaptInput, SearchedParam } from '../contract/adapt.ts'
import type { AdapterModule } from '../contract/adapter.ts'
import type { MethodEntry } from '../contract/methods.ts'
import type { ParamSpec, ParamValue, ParamValues } from '../contract/params.ts'
import type { Coefficient, Recipe } from '../contract/recipe.ts'
import type { Candidate, Dimension } from '../search/space.ts'
import { choiceOf, numberOf } from './adapt-params.ts'

/** An adapter whose coefficients are searched. Names need not differ. */
export interface SearchedAdapter {
  readonly id: string
  readonly name: string
  readonly modules: readonly Pick<AdapterModule, 'name' | 'layer' | 'moduleKind'>[]
}

/** What is tried, where it begins, and the recipe that a candidate means. */
export interface TrialSpace {
  readonly space: readonly Dimension[]
  readonly start: Candidate
  /** Names of the dimensions that are coefficients. */
  readonly coefficients: readonly string[]
  recipeOf(candidate: Candidate): Recipe
}

/** What a search is made of besides its adapters. */
export interface TrialSettings {
  readonly input: Pick<AdaptInput, 'searched' | 'searchCoefficients' | 'seed'>
  readonly method: MethodEntry
  readonly params: ParamValues
}

/**
 * First steps of coefficients as a share of their range: 0.15 between -1.5 and 1.5. The start is meant, and a sum of twenty adapters at larger random
 * coefficients lies where no optimiser finds back to it in a hundred trials.
 */
const coefficientStep = 0.05

/**
 * The box of a search: first the coefficients, one for each adapter and group of its modules, called by the adapter's name; then the searched parameters
 * of the merge method by their ids. Coefficients that are not searched are 1, parameters that are not searched keep their defaults.
 */
export function trialSpace(adapters: readonly SearchedAdapter[], { input, method, params }: TrialSettings): TrialSpace {
  const searched = method.params.filter((spec) => spec.per === 'recipe' && Object.hasOwn(input.searched, spec.id))
  const isCoefficients = method.coefficients && input.searchCoefficients
  const granularity = choiceOf(params, 'granularity')
  const taken = new Set(method.params.map(({ id }) => id))
  const groups = isCoefficients ? adapters.map((adapter) => groupsOf(adapter, granularity, taken)) : []
  const coefficients = groups.flat().map(({ id }) => id)
  const [low, high, startValue] = [numberOf(params, 'low'), numberOf(params, 'high'), numberOf(params, 'startValue')]
  const bounds = searched.map((spec) => dimensionOf(spec, input.searched[spec.id]!))
  return {
    space: [...coefficients.map((id): Dimension => ({ kind: 'number', id, low, high, step: coefficientStep })), ...bounds],
    start: Object.fromEntries([
      ...coefficients.map((id) => [id, startValue] as const),
      ...searched.map((spec, index) => [spec.id, startOf(spec, bounds[index]!)] as const),
    ]),
    coefficients,
    recipeOf: (candidate) => ({
      method: method.id,
      adapters: adapters.map(({ id }, index) => ({
        adapter: id,
        ...(isCoefficients && { coefficient: coefficientOf(groups[index]!, candidate) }),
      })),
      params: Object.fromEntries(searched.map(({ id }) => [id, candidate[id]])),
      output: { rank: rankOf(method, numberOf(params, 'outputRank')), dtype: 'float32', padTo: 'none' },
      seed: input.seed,
    }),
  }
}

/** The recipe of a candidate as it is written: the exact sum is cut where a rank is asked for, which concatenating does not do. */
export function writtenRecipe(recipe: Recipe, params: ParamValues): Recipe {
  const outputRank = numberOf(params, 'outputRank')
  if (recipe.method !== 'concat' || outputRank === 0) return recipe
  return { ...recipe, method: 'linear', output: { ...recipe.output, rank: outputRank } }
}

/** The mean of the absolute coefficients of a candidate; 0 where none are searched. */
export function meanAbsolute(names: readonly string[], candidate: Candidate): number {
  return names.length === 0 ? 0 : names.reduce((sum, name) => sum + Math.abs(Number(candidate[name])), 0) / names.length
}

/** Modules of one adapter that share a coefficient; the rule says which, null for all that no rule matches. */
interface Group {
  readonly id: string
  readonly rule: { readonly modules?: string; readonly layers: [number, number] } | null
}

function groupsOf(adapter: SearchedAdapter, granularity: string, taken: Set<string>): readonly Group[] {
  const name = unusedName(adapter.name, taken)
  if (granularity === 'adapter') return [{ id: name, rule: null }]
  const layers = [...new Set(adapter.modules.map(({ layer }) => layer))].sort((left, right) => (left ?? -1) - (right ?? -1))
  return layers.flatMap((layer): readonly Group[] => {
    if (layer === null) return [{ id: `${name}, outside the layers`, rule: null }]
    if (granularity === 'layer') return [{ id: `${name}, layer ${layer}`, rule: { layers: [layer, layer] } }]
    const kinds = Object.groupBy(
      adapter.modules.filter((module) => module.layer === layer),
      (module) => (isMlp(module) ? 'MLP' : 'attention'),
    )
    return (['attention', 'MLP'] as const).flatMap((part) => {
      const modules = (kinds[part] ?? []).map(({ moduleKind }) => moduleKind).join('|')
      return modules === '' ? [] : [{ id: `${name}, layer ${layer}, ${part}`, rule: { modules, layers: [layer, layer] } }]
    })
  })
}

function isMlp({ name }: SearchedAdapter['modules'][number]): boolean {
  return /\.(mlp|feed_forward|ffn)\./.test(name)
}

function unusedName(name: string, taken: Set<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} (${number})`
    if (taken.has(candidate)) continue
    taken.add(candidate)
    return candidate
  }
}

function coefficientOf(groups: readonly Group[], candidate: Candidate): Coefficient {
  const rest = groups.find(({ rule }) => rule === null)
  const fallback = rest ? Number(candidate[rest.id]) : 0
  const rules = groups.flatMap(({ id, rule }) => (rule === null ? [] : [{ ...rule, value: Number(candidate[id]) }]))
  return rules.length === 0 ? fallback : { default: fallback, rules }
}

function dimensionOf({ id, kind }: ParamSpec, searched: SearchedParam): Dimension {
  if ('values' in searched) return { kind: 'choice', id, values: [...new Set(searched.values)] }
  return { kind: kind === 'integer' ? 'integer' : 'number', id, low: searched.low, high: searched.high }
}

/** The parameter's default where that may be tried, else the first value or the middle of the bounds. */
function startOf(spec: ParamSpec, dimension: Dimension): ParamValue {
  if (dimension.kind === 'choice') return dimension.values.includes(spec.default) ? spec.default : dimension.values[0]!
  const { kind, low, high } = dimension
  if (typeof spec.default === 'number' && spec.default >= low && spec.default <= high) return spec.default
  return kind === 'integer' ? Math.floor((low + high) / 2) : (low + high) / 2
}

/** With 0 everything is kept where the result has a rank to keep. */
function rankOf(method: MethodEntry, outputRank: number): Recipe['output']['rank'] {
  if (method.outputRank !== 'chosen') return 'auto'
  if (outputRank > 0) return outputRank
  return method.kind === 'on_tiles' ? 'auto' : 'sum'
}
