import type { AdapterModule, AdapterVariant, ScreenResults } from '../contract/adapter.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import type { CheckedFacts } from './check-result.ts'
import { detectLori, frozenVariant } from './detect-lori.ts'
import type { InspectedModule, InspectResult } from './inspection.ts'
import { packInspection } from './pack-inspection.ts'
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
      ...{ status: 'refused', variant, norm: null, norms: null, inspection: null },
      problems: [notFinite(result.firstNonFinite, weightsPath), ...before.problems],
      screens: screensFromValues(before.screens, false, null),
    }
  }
  // Stacked experts are not one product of two matrices, so that the norm of B times A says nothing about them.
  const norm = variant === 'experts' ? null : result.norm
  const byName = new Map(result.modules.map((module) => [module.name, module]))
  const detector = detectLori(modules, byName)
  const remark = norm === null ? null : judgeNorm(norm, result.modules, weightsPath)
  return {
    status: 'ok',
    variant: variant === 'plain' ? frozenVariant(detector) : variant,
    norm,
    norms: variant === 'experts' ? null : modules.map((module) => byName.get(module.name)?.norm ?? null),
    inspection: variant === 'experts' ? null : packInspection(modules, byName, detector),
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
