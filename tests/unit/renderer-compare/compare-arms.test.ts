import { expect, test } from 'vitest'
import { controlOf } from '../../../src-main/contract/controls.ts'
import type { Arm } from '../../../src-main/contract/plan.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { hasError } from '../../../src-main/contract/problems.ts'
import { readPlan } from '../../../src-main/plans/read-plan.ts'
import {
  addableArms,
  freeRoles,
  newArm,
  selectionOfArm,
  tunerOfArm,
  valuesOfArm,
  withControl,
  withMethod,
  withParam,
  type Addable,
} from '../../../src-renderer/state/compare-arms.ts'

const planOf = (arms: readonly Arm[]) => ({ version: 1, title: 'A plan', base: 'demo', tasks: ['stars'], arms })

test('arms that are added one after the other make a plan that can be read', () => {
  const arms = [...addableArms, ...addableArms].reduce<readonly Arm[]>((made, { id }) => [...made, newArm(id, made)], [])
  expect(arms).toHaveLength(2 * addableArms.length)
  expect(new Set(arms.map(({ id }) => id)).size).toBe(arms.length)
  const { plan, problems } = readPlan(planOf(arms))
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  expect(plan?.arms).toEqual(arms)
})

test('an added arm takes its role only where nobody has it', () => {
  const first = newArm('train', [])
  const second = newArm('train', [first])
  expect([first.id, first.role, second.id, second.label, second.role]).toEqual(['own', 'own', 'own_2', 'Fresh LoRA 2', null])
})

test('controls that are added fill the roles of the verdict, then none', () => {
  const arms = ['control', 'control', 'control', 'control'].reduce<readonly Arm[]>((made, id) => [...made, newArm(id as Addable, made)], [])
  expect(arms.map(({ role }) => role)).toEqual(['random', 'randomWithOwn', 'retuned', null])
  expect(arms.map((arm) => arm.kind === 'control' && arm.control)).toEqual([
    'random_parameters',
    'random_parameters_with_own',
    'retuned_own',
    'random_adapters',
  ])
})

test('another control brings its own label, preset and role', () => {
  const arm = newArm('control', [])
  if (arm.kind !== 'control') throw new Error('a control was wanted')
  const dropout = withControl({ ...arm, params: { k: 3 } }, 'own_dropout', [arm])
  expect([dropout.label, dropout.role, dropout.preset, dropout.params]).toEqual([
    controlOf('own_dropout').label,
    null,
    'small_model_lora',
    {},
  ])
  expect(tunerOfArm(dropout)).toBe('train')
})

test('values are defaults, the preset’s over them, the arm’s over those, and what a control fixes over all', () => {
  const tuned = planPresets[0]!.plan.arms.find(({ id }) => id === 'tuned')!
  expect(valuesOfArm(tuned)).toMatchObject({ selection: 'evaluation', k: 10, steps: 100 })
  expect(valuesOfArm(withParam(tuned, 'k', 4))).toMatchObject({ k: 4, steps: 100 })
  const random = planPresets[0]!.plan.arms.find(({ id }) => id === 'random')!
  expect(valuesOfArm(withParam(random, 'parameters', 'real'))['parameters']).toBe('random')
  expect(valuesOfArm(newArm('base', []))).toEqual({})
})

test('a merge without tuning has the parameters of its method and of the selection', () => {
  const merge: Arm = {
    ...newArm('merge', []),
    kind: 'merge',
    method: 'ties',
    params: { density: 0.5 },
    selection: { k: 7 },
    coefficient: 1,
    withOwn: false,
    role: null,
  }
  expect(valuesOfArm(merge)).toMatchObject({ density: 0.5, variant: 'paper' })
  expect(selectionOfArm(merge)['k']).toBe(7)
})

test('the label of a merge follows its method unless it was written by hand', () => {
  const merge = newArm('merge', [])
  if (merge.kind !== 'merge') throw new Error('a merge was wanted')
  expect(withMethod({ ...merge, params: { density: 1 } }, 'ties')).toMatchObject({ method: 'ties', label: 'TIES', params: {} })
  expect(withMethod({ ...merge, label: 'Mine' }, 'ties').label).toBe('Mine')
})

test('roles that others have are not free', () => {
  const arms = planPresets[0]!.plan.arms
  expect(freeRoles(arms[0]!, arms)).toEqual(['base'])
  expect(freeRoles(newArm('merge', arms), arms)).toEqual([])
})

test.each(planPresets.map((preset) => [preset.id, preset] as const))('the preset %s is read as it is', (_, preset) => {
  const { plan, problems } = readPlan(planOf(preset.plan.arms))
  expect(hasError(problems)).toBe(false)
  expect(plan?.arms).toEqual(preset.plan.arms)
})
