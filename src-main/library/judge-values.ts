import type { AdapterModule, AdapterVariant, ScreenResults } from '../contract/adapter.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import type { CheckedFacts } from './check-result.ts'
import type { InspectedModule, InspectResult } from './inspection.ts'
import { largestNorm, screensFromValues, smallestNorm } from './judge-screens.ts'

/** What was known of an adapter before its values were read. */
export interface BeforeValues {
  readonly variant: AdapterVariant
  readonly modules: readonly AdapterModule[]
  readonly problems: readonly Problem[]
  readonly screens: ScreenResults
  readonly weightsPath: string
}

/** The facts of an adapter with what its values tell: refused when one is not finite, else its norms, its class, and remarks. */
export function judgeValues(before: BeforeValues, result: InspectResult): CheckedFacts {
  const { variant, modules, weightsPath } = before
  if (!result.finite) {
    return {
      ...{ status: 'refused', variant, norm: null, norms: null },
      problems: [notFinite(result.firstNonFinite, weightsPath), ...before.problems],
      screens: screensFromValues(before.screens, false, null),
    }
  }
  // Stacked experts are not one product of two matrices, so that the norm of B times A says nothing about them.
  const norm = variant === 'experts' ? null : result.norm
  const byName = new Map(result.modules.map((module) => [module.name, module]))
  const remark = norm === null ? null : judgeNorm(norm, result.modules, weightsPath)
  return {
    status: 'ok',
    variant: variant === 'plain' ? frozenVariant(modules, byName) : variant,
    norm,
    norms: variant === 'experts' ? null : modules.map((module) => byName.get(module.name)?.norm ?? null),
    problems: remark ? [...before.problems, remark] : before.problems,
    screens: screensFromValues(before.screens, true, norm),
  }
}

function notFinite(first: InspectResult['firstNonFinite'], path: string): Problem {
  const value = { nan: 'NaN', inf: 'infinity', '-inf': 'minus infinity' }[first?.value ?? 'nan']
  const message = first ? `Value ${first.index} of ${first.tensor} is ${value}.` : 'A value is not finite.'
  return errorProblem('not-finite', message, {
    where: { path, ...(first && { tensor: first.tensor, value: `${value} at index ${first.index}` }) },
    hint: 'The training diverged or the file is damaged. Use an earlier checkpoint, or download it again.',
  })
}

function judgeNorm(norm: number, modules: readonly InspectedModule[], path: string): Problem | null {
  const where = { path, value: String(norm) }
  if (norm === 0) {
    const empty =
      modules.length > 0 && modules.every((module) => module.zerosB === 1)
        ? 'every lora_B holds zeros only'
        : 'B times A is zero everywhere'
    return warningProblem('norm-too-small', `The update is zero: ${empty}, so that the adapter changes nothing.`, {
      where,
      hint: 'It was probably saved before training. Merging it has no effect.',
    })
  }
  if (norm <= smallestNorm)
    return warningProblem(
      'norm-too-small',
      `The norm of the update is ${norm.toPrecision(3)}; adapters of real use have more than ${smallestNorm}.`,
      {
        where,
        hint: 'It may be hardly trained. Raise its coefficient, or leave it out.',
      },
    )
  if (norm <= largestNorm) return null
  return warningProblem(
    'norm-too-large',
    `The norm of the update is ${norm.toPrecision(3)}; adapters of real use have at most ${largestNorm}.`,
    {
      where,
      hint: 'It outweighs every other adapter in a merge and may be broken. Lower its coefficient, or leave it out.',
    },
  )
}

/** Bound of |A| * sqrt(in) of a uniform start, with room for rounding to bf16 (lego-lori.md 2.9). */
const frozenBound = 1.004
/** Share of zeros in B of a LoRI-S adapter is 0.9; one without any other value is no LoRI-S but empty. */
const sparseFrom = 0.85
const sparseBelow = 0.999

/**
 * Tells adapters whose A never left its uniform start on [-1, 1] / sqrt(in): no value of A beyond the bound, and the standard deviation over the
 * whole adapter that of a uniform distribution, 1 / sqrt(3 in), to 1 % and the scatter of as many values as there are.
 */
function frozenVariant(modules: readonly AdapterModule[], byName: ReadonlyMap<string, InspectedModule>): AdapterVariant {
  let values = 0
  let variance = 0
  let zerosB = 0
  let valuesB = 0
  for (const { name, in: input, out, rank } of modules) {
    const { maxAbsA = null, stdA = null, zerosB: zeros = null } = byName.get(name) ?? {}
    if (maxAbsA === null || stdA === null || zeros === null || maxAbsA * Math.sqrt(input) > frozenBound) return 'plain'
    values += rank * input
    variance += rank * input * stdA * stdA * 3 * input
    valuesB += out * rank
    zerosB += out * rank * zeros
  }
  // Relative scatter of the standard deviation of n uniform values: sqrt((kurtosis - 1) / 4n), kurtosis 1.8; four of them.
  const tolerance = 0.01 + 4 * Math.sqrt(0.2 / values)
  if (values === 0 || Math.abs(Math.sqrt(variance / values) - 1) > tolerance) return 'plain'
  const sparsity = zerosB / valuesB
  return sparsity >= sparseFrom && sparsity < sparseBelow ? 'lori-s' : 'frozen-a'
}
