import { controlOf, type ControlId } from '../../src-main/contract/controls.ts'
import { defaultsOf, type ParamValue, type ParamValues } from '../../src-main/contract/params.ts'
import { findMethod, methods } from '../../src-main/contract/methods.ts'
import { armRoles, type Arm, type ArmRole } from '../../src-main/contract/plan.ts'
import { findPreset, type PresetEntry } from '../../src-main/contract/presets.ts'
import { tunerOf, type Arm as Tuner } from '../../src-main/contract/tuners.ts'
import { armOf, completeValues, presetsOf } from './adapt-values.ts'

/** An arm of the form: whether it takes part, and a key that stays when its id is edited. */
export interface DraftArm {
  readonly key: number
  readonly on: boolean
  readonly arm: Arm
}

/** What can be added to a plan, in the order of the menu. */
export const addableArms = [
  { id: 'base', label: 'Base model' },
  { id: 'best_single', label: 'Best single adapter' },
  { id: 'merge', label: 'Merge without tuning' },
  { id: 'tune', label: 'Tuned merge' },
  { id: 'search', label: 'Search without gradients' },
  { id: 'train', label: 'Fresh LoRA' },
  { id: 'own_dropout', label: 'Fresh LoRA with more dropout' },
  { id: 'control', label: 'Control' },
] as const
export type Addable = (typeof addableArms)[number]['id']

const roleOfControl: Partial<Record<ControlId, ArmRole>> = {
  random_parameters: 'random',
  random_parameters_with_own: 'randomWithOwn',
  retuned_own: 'retuned',
}

/** A new arm of a kind, with an id that no other of the plan has; it takes the role that it can have where none has it yet. */
export function newArm(what: Addable, arms: readonly Arm[]): Arm {
  const free = (role: ArmRole): ArmRole | null => (arms.some((arm) => arm.role === role) ? null : role)
  const named = (stem: string, label: string, role: ArmRole | null) => {
    const { id, number } = freeId(stem, arms)
    return { id, label: number === 1 ? label : `${label} ${number}`, role }
  }
  switch (what) {
    case 'base':
      return { kind: 'base', ...named('base', 'Base model', free('base')) }
    case 'best_single':
      return { kind: 'best_single', ...named('best_single', 'Best single adapter', null) }
    case 'merge': {
      const method = methods.find(({ id }) => id === 'average') ?? methods[0]
      return {
        ...{ kind: 'merge', ...named('merge', methodName(method.id), null), method: method.id },
        ...{ selection: { selection: 'evaluation', k: 10 }, params: {}, coefficient: 1, withOwn: false },
      }
    }
    case 'tune':
      return { kind: 'tune', ...named('tuned', 'Tuned merge', free('merged')), preset: firstPreset('tune'), params: {}, withOwn: false }
    case 'search':
      return {
        ...{ kind: 'search', ...named('search', 'Search', null), preset: firstPreset('search') },
        ...{ method: null, params: {}, withOwn: false },
      }
    case 'train':
      return { kind: 'train', ...named('own', 'Fresh LoRA', free('own')), preset: firstPreset('train'), params: {} }
    case 'own_dropout':
      return {
        ...{ kind: 'control', ...named('own_dropout', 'Fresh LoRA, dropout 0.5', null) },
        ...{ control: 'own_dropout', preset: firstPreset('train'), params: {} },
      }
    case 'control': {
      const control = (['random_parameters', 'random_parameters_with_own', 'retuned_own'] as const).find(
        (id) => free(roleOfControl[id] ?? 'random') !== null,
      )
      return withControl({ kind: 'control', ...named('control', '', null), preset: null, params: {} }, control ?? 'random_adapters', arms)
    }
  }
}

/** A control arm with another control: its label, its role where that is free, and the first preset of what it is made of. */
export function withControl(
  arm: Omit<Extract<Arm, { kind: 'control' }>, 'control'>,
  control: ControlId,
  arms: readonly Arm[],
): Extract<Arm, { kind: 'control' }> {
  const wanted = roleOfControl[control] ?? null
  const role = wanted !== null && !arms.some((other) => other.id !== arm.id && other.role === wanted) ? wanted : null
  return { ...arm, control, role, label: controlOf(control).label, preset: firstPreset(armOf('control', control)), params: {} }
}

/** A merge without tuning by another method; a label that only named the method follows it. */
export function withMethod(arm: Extract<Arm, { kind: 'merge' }>, method: string): Arm {
  const named = arm.label === undefined || arm.label === methodName(arm.method)
  return { ...arm, method, params: {}, ...(named && { label: methodName(method) }) }
}

/** A merge method in a word: its label without what stands in brackets. */
export function methodName(id: string): string {
  return (findMethod(id)?.label ?? id).replace(/ \(.*\)$/, '')
}

/** What the parameters of an arm belong to in Adapt; null for those that are only measured or merged. */
export function tunerOfArm(arm: Arm): Exclude<Tuner, 'select'> | null {
  if (arm.kind === 'tune' || arm.kind === 'search' || arm.kind === 'train') return arm.kind
  return arm.kind === 'control' ? armOf('control', arm.control) : null
}

/** The preset of an arm, or the first that it can have. */
export function presetOfArm(arm: Arm): PresetEntry | undefined {
  const tuner = tunerOfArm(arm)
  if (tuner === null || !('preset' in arm)) return undefined
  return findPreset(arm.preset ?? '') ?? presetsOf(tuner)[0]
}

/** Every parameter of an arm: defaults, the preset's, its own, and what the control fixes. */
export function valuesOfArm(arm: Arm): Readonly<Record<string, ParamValue>> {
  if (arm.kind === 'merge') return { ...defaultsOf(findMethod(arm.method)?.params ?? [], 'recipe'), ...arm.params }
  const tuner = tunerOfArm(arm)
  if (tuner === null || !('params' in arm)) return {}
  const { preset } = arm
  return { ...completeValues(tuner, preset === null ? undefined : findPreset(preset), arm.params), ...fixedOfArm(arm) }
}

/** How a merge without tuning chooses its adapters, with defaults. */
export function selectionOfArm(arm: Extract<Arm, { kind: 'merge' }>): Readonly<Record<string, ParamValue>> {
  return { ...defaultsOf(tunerOf('select').params, 'recipe'), ...arm.selection }
}

/** What the control of an arm decides; nothing for others. */
export function fixedOfArm(arm: Arm): ParamValues {
  return arm.kind === 'control' ? controlOf(arm.control).values : {}
}

/** An arm with one parameter changed. */
export function withParam(arm: Arm, id: string, value: ParamValue): Arm {
  return 'params' in arm ? { ...arm, params: { ...arm.params, [id]: value } } : arm
}

/** The roles that an arm may take: those that no other arm of the plan has. */
export function freeRoles(arm: Arm, arms: readonly Arm[]): readonly ArmRole[] {
  return armRoles.filter((role) => !arms.some((other) => other !== arm && other.role === role))
}

function firstPreset(tuner: Tuner): string | null {
  return presetsOf(tuner)[0]?.id ?? null
}

function freeId(stem: string, arms: readonly Arm[]): { readonly id: string; readonly number: number } {
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? stem : `${stem}_${number}`
    if (!arms.some((arm) => arm.id === id)) return { id, number }
  }
}
