import { defaultsOf, type ParamSpec, type ParamValue, type ParamValues } from '../../src-main/contract/params.ts'
import { controlOf, type ControlId } from '../../src-main/contract/controls.ts'
import { presets, type PresetEntry } from '../../src-main/contract/presets.ts'
import { tunerOf, type Arm } from '../../src-main/contract/tuners.ts'

/** What the form is about: an arm, or a control, which goes with one. */
export type AdaptMode = Exclude<Arm, 'select'> | 'control'

/** The arm whose parameters a mode has; controls that are only evaluated choose adapters as tuning does. */
export function armOf(mode: AdaptMode, control: ControlId): Exclude<Arm, 'select'> {
  if (mode !== 'control') return mode
  const { arm } = controlOf(control)
  return arm === 'evaluate' ? 'tune' : arm
}

export function presetsOf(arm: Arm): readonly PresetEntry[] {
  return presets.filter((preset) => preset.arm === arm)
}

/** Defaults, the preset's values over them, and what was set by hand over those. */
export function completeValues(arm: Arm, preset: PresetEntry | undefined, byHand: ParamValues): Record<string, ParamValue> {
  const given = Object.fromEntries(
    Object.entries(preset?.values ?? {}).filter((entry): entry is [string, ParamValue] => entry[1] !== undefined),
  )
  return { ...defaultsOf(tunerOf(arm).params, 'recipe'), ...given, ...byHand }
}

/** The parameters of a form in two heaps: those shown at once, and the others. What a control fixes is in neither. */
export function splitSpecs(arm: Arm, fixed: ParamValues): { readonly basic: readonly ParamSpec[]; readonly more: readonly ParamSpec[] } {
  const { params, basic } = tunerOf(arm)
  const free = params.filter(({ id }) => !(id in fixed))
  return {
    basic: basic.flatMap((id) => free.find((spec) => spec.id === id) ?? []),
    more: free.filter(({ id }) => !basic.includes(id)),
  }
}

/** Typed values of a sweep, "0.001, 0.003" by the kind of the parameter; null where one is none. */
export function sweptValues(spec: ParamSpec, text: string): readonly ParamValue[] | null {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const values = parts.map((part): ParamValue | null => {
    if (spec.kind === 'flag') return part === 'true' ? true : part === 'false' ? false : null
    if (spec.kind === 'choice') return spec.options.find(({ id, label }) => id === part || label === part)?.id ?? null
    const number = Number(part)
    return Number.isFinite(number) ? number : null
  })
  const known = values.filter((value) => value !== null)
  return known.length === values.length && known.length > 0 ? known : null
}
