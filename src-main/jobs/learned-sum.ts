import type { AdaptationDetail } from '../contract/adapt.ts'
import type { AdapterModule } from '../contract/adapter.ts'
import type { Coefficient, RecipeInput } from '../contract/recipe.ts'
import type { LearnOutcome } from '../engine/learn-request.ts'
import type { UsableAdapter } from './adapt-types.ts'

/** Adapters and what each contributes to each of its modules, in its own order. */
export interface LearnedSum {
  readonly adapters: readonly UsableAdapter[]
  readonly coefficients: readonly (readonly number[])[]
}

type Table = NonNullable<AdaptationDetail['coefficients']>

/** The sum that was learned as a recipe: the exact sum, or, where `rank` is above 0, cut to that rank. */
export function recipeOfSum({ adapters, coefficients }: LearnedSum, rank: number, seed: number): RecipeInput {
  return {
    method: rank > 0 ? 'linear' : 'concat',
    adapters: adapters.map(({ id, detail }, index) => ({ adapter: id, coefficient: coefficientOf(detail.modules, coefficients[index]!) })),
    output: { rank: rank > 0 ? rank : 'sum', dtype: 'float32' },
    seed,
  }
}

/** One number where all modules share it, else a rule for each module. */
function coefficientOf(modules: readonly AdapterModule[], values: readonly number[]): Coefficient {
  const [first = 0] = values
  if (values.every((value) => value === first)) return first
  return {
    default: 0,
    rules: modules.map(({ moduleKind, layer }, index) => ({
      modules: moduleKind,
      ...(layer !== null && { layers: [layer, layer] as [number, number] }),
      value: values[index]!,
    })),
  }
}

/** One number for each module of each adapter: of rank units, their mean. */
export function meanCoefficients(coefficients: LearnOutcome['coefficients']): readonly (readonly number[])[] {
  return coefficients.map((modules) => modules.map((value) => (typeof value === 'number' ? value : meanOf(value))))
}

/**
 * The coefficients as a table, modules in the order in which they first occur. `shown` are the coefficients that people see; `sum` is what is added
 * up, whose norms give the shares: both are the same unless coefficients went into the factors.
 */
export function coefficientTable(
  names: readonly { readonly id: string | null; readonly name: string }[],
  sum: LearnedSum,
  shown: LearnedSum['coefficients'],
): Table {
  const modules = [...new Set(sum.adapters.flatMap(({ detail }) => detail.modules.map(({ name }) => name)))].sort(byPlace)
  const places = sum.adapters.map(({ detail }) => new Map(detail.modules.map(({ name }, index) => [name, index])))
  return {
    modules,
    adapters: names.map(({ id, name }) => ({ id, name })),
    values: modules.map((module) =>
      places.map((place, adapter) => {
        const index = place.get(module)
        return index === undefined ? null : (shown[adapter]![index] ?? null)
      }),
    ),
    shares: sharesOf(sum),
  }
}

/** Layers by their number, then as they came. */
function byPlace(left: string, right: string): number {
  const layer = (name: string): number => Number(/\.layers\.(\d+)\./.exec(name)?.[1] ?? -1)
  return layer(left) - layer(right)
}

/** Each adapter's part of the sum over adapters and modules of |c| ||dW||; null where a norm is not known or all are 0. */
export function sharesOf({ adapters, coefficients }: LearnedSum): number[] | null {
  const norms = adapters.map(({ detail }, adapter) =>
    detail.modules.reduce<number | null>(
      (sum, { norm }, index) => (sum === null || norm === null ? null : sum + Math.abs(coefficients[adapter]![index]!) * norm),
      0,
    ),
  )
  if (norms.some((norm) => norm === null)) return null
  const total = norms.reduce<number>((sum, norm) => sum + (norm ?? 0), 0)
  return total > 0 ? norms.map((norm) => (norm ?? 0) / total) : null
}

/** "0.7", or mean and range over the modules: what the lineage says of one source. */
export function coefficientWords(values: readonly number[]): string {
  const [first = 0] = values
  if (values.every((value) => value === first)) return rounded(first)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${rounded(meanOf(values))} on average over ${values.length} modules, ${rounded(least)} to ${rounded(most)}`
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(6)))
}
