import type { AdaptInput, SearchedParam } from '../contract/adapt.ts'
import { findMethod, methodIds, type MethodEntry } from '../contract/methods.ts'
import { allowedOf, checkParams, type ParamSpec } from '../contract/params.ts'
import { errorProblem, shownValue, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import type { PresetEntry } from '../contract/presets.ts'
import { numberOf } from './adapt-params.ts'
import type { CheckedAdaptation } from './adapt-types.ts'

/** The method that is searched where neither input nor preset names another. */
const usualMethod = 'concat'

/** Id of the merge method that a search is about: the input's own, or the preset's where the input names none but the usual one. */
export function searchMethodOf({
  input,
  preset,
}: {
  readonly input: Pick<AdaptInput, 'method'>
  readonly preset: PresetEntry | null
}): string {
  return input.method === usualMethod ? (preset?.method ?? usualMethod) : input.method
}

/** The entry of a method that was checked. */
export function methodOf(checked: Pick<CheckedAdaptation, 'input' | 'preset'>): MethodEntry {
  const id = searchMethodOf(checked)
  const method = findMethod(id)
  if (!method) throw new Error(`there is no merge method ${id}`)
  return method
}

/** Everything wrong with what a search is to try, as far as it shows without the adapters. */
export function checkSearch(checked: Pick<CheckedAdaptation, 'input' | 'preset' | 'params'>): readonly Problem[] {
  const { input, params } = checked
  const id = searchMethodOf(checked)
  const method = findMethod(id)
  if (!method) return [unknownMethod(id)]
  const [low, start, high] = ['low', 'startValue', 'high'].map((name) => numberOf(params, name)) as [number, number, number]
  const takesCoefficients = method.coefficients && input.searchCoefficients
  return [
    ...(takesCoefficients && !(low <= start && start <= high && low < high) ? [boundsWrong(low, start, high)] : []),
    ...Object.entries(input.searched).flatMap(([name, searched]) => checkSearched(name, searched, method)),
    ...(takesCoefficients || Object.keys(input.searched).length > 0 ? [] : [nothingToSearch(method)]),
  ]
}

function checkSearched(name: string, searched: SearchedParam, method: MethodEntry): readonly Problem[] {
  const field = `searched.${name}`
  const spec = method.params.find((param) => param.id === name && param.per === 'recipe')
  // The registry's own words for a parameter that it does not know, and for values that it does not allow.
  if (!spec) return checkParams(method.params, { [name]: searched }, 'recipe', 'searched').problems
  if ('values' in searched) return searched.values.flatMap((value) => checkParams([spec], { [name]: value }, 'recipe', 'searched').problems)
  if (spec.kind === 'choice' || spec.kind === 'flag') return [needsValues(spec, field)]
  const { low, high } = searched
  const problems = [low, high].flatMap((value) => checkParams([spec], { [name]: value }, 'recipe', 'searched').problems)
  return problems.length > 0 || low <= high ? problems : [turnedRound(spec, low, high, field)]
}

function unknownMethod(id: string): Problem {
  return errorProblem('unknown-method', `There is no merge method "${id}".`, {
    where: { field: 'method', value: shownValue(id) },
    allowed: methodIds,
    hint: didYouMean(id, methodIds),
  })
}

function boundsWrong(low: number, start: number, high: number): Problem {
  return errorProblem('parameter-invalid', `Coefficients are searched from ${low} to ${high}, beginning at ${start}: that cannot be.`, {
    where: { field: 'params.startValue', value: String(start) },
    allowed: [`a number from ${Math.min(low, high)} to ${Math.max(low, high)}`],
    hint: 'The least coefficient lies below the largest, and the start between them.',
  })
}

function nothingToSearch(method: MethodEntry): Problem {
  const params = method.params.filter(({ per }) => per === 'recipe').map(({ id }) => id)
  return errorProblem('parameter-invalid', `There is nothing to search: no coefficients, and no parameter of ${method.label} is named.`, {
    where: { field: 'searched', value: '{}' },
    allowed: params,
    hint: params.length > 0 ? 'Name a parameter with what may be tried.' : 'Choose a method that takes coefficients or has parameters.',
  })
}

function needsValues(spec: ParamSpec, field: string): Problem {
  return errorProblem('parameter-invalid', `${spec.label} (${spec.id}) is no number: it has values, not bounds.`, {
    where: { field },
    allowed: allowedOf(spec),
    hint: 'List the values that may be tried.',
  })
}

function turnedRound(spec: ParamSpec, low: number, high: number, field: string): Problem {
  return errorProblem(
    'parameter-invalid',
    `${spec.label} (${spec.id}) is searched from ${low} to ${high}: the lower bound is the larger one.`,
    {
      where: { field, value: `${low}:${high}` },
      hint: `Did you mean ${high} to ${low}?`,
    },
  )
}
