import type { AdaptInput } from '../contract/adapt.ts'
import { checkParams, type ParamValues } from '../contract/params.ts'
import { errorProblem, shownValue, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { controlOf, type ControlEntry } from '../contract/controls.ts'
import { findPreset, presets, type PresetEntry } from '../contract/presets.ts'
import { tunerOf, type Arm } from '../contract/tuners.ts'

/** The registry's side of an input: what it is, and its parameters complete. */
export interface AdaptParams {
  readonly arm: Arm
  readonly control: ControlEntry | null
  readonly preset: PresetEntry | null
  readonly params: ParamValues
  readonly problems: readonly Problem[]
}

/** Defaults, over them the preset's values, the input's own, and what the control fixes. */
export function checkAdaptParams(input: Pick<AdaptInput, 'arm' | 'control' | 'preset' | 'params'>): AdaptParams {
  const control = input.control === null ? null : controlOf(input.control)
  // A control that only evaluates chooses its adapters as tuning does.
  const arm = control === null ? input.arm : control.arm === 'evaluate' ? 'tune' : control.arm
  const preset = input.preset === null ? null : (findPreset(input.preset) ?? null)
  const mine = presets.filter((candidate) => candidate.arm === arm).map(({ id }) => id)
  const isOther = input.preset !== null && preset?.arm !== arm
  const given = { ...(isOther ? {} : preset?.values), ...input.params, ...control?.values }
  const { params, problems } = checkParams(tunerOf(arm).params, given, 'recipe', 'params')
  return {
    ...{ arm, control, params },
    preset: isOther ? null : preset,
    problems: [...(isOther ? [otherPreset(input.preset ?? '', preset, arm, mine)] : []), ...problems],
  }
}

/** A number among complete parameters. Throws for one that the arm does not have. */
export function numberOf(params: ParamValues, id: string): number {
  const value = params[id]
  if (typeof value !== 'number') throw new Error(`there is no number ${id} among the parameters`)
  return value
}

/** A choice among complete parameters. Throws for one that the arm does not have. */
export function choiceOf(params: ParamValues, id: string): string {
  const value = params[id]
  if (typeof value !== 'string') throw new Error(`there is no choice ${id} among the parameters`)
  return value
}

/** A flag among complete parameters. Throws for one that the arm does not have. */
export function flagOf(params: ParamValues, id: string): boolean {
  const value = params[id]
  if (typeof value !== 'boolean') throw new Error(`there is no flag ${id} among the parameters`)
  return value
}

function otherPreset(id: string, found: PresetEntry | null, arm: Arm, allowed: readonly string[]): Problem {
  const message = found ? `The preset "${id}" is for ${found.arm}, not for ${arm}.` : `There is no preset "${id}".`
  const hint = found ? 'Choose one of those, or none.' : didYouMean(id, allowed)
  return errorProblem('preset-unknown', message, { where: { field: 'preset', value: shownValue(id) }, allowed, hint })
}
