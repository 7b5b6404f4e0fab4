import { expect, test } from 'vitest'
import { defaultsOf } from '../../../src-main/contract/params.ts'
import { checkParams } from '../../../src-main/contract/params.ts'
import { controls } from '../../../src-main/contract/controls.ts'
import { findPreset, presets } from '../../../src-main/contract/presets.ts'
import { tunerOf, tuners } from '../../../src-main/contract/tuners.ts'
import { armOf, completeValues, presetsOf, splitSpecs, sweptValues } from '../../../src-renderer/state/adapt-values.ts'

test.each(presets.map((preset) => [preset.id, preset] as const))(
  'the preset %s names parameters of its arm with allowed values',
  (_, preset) => {
    const { problems } = checkParams(tunerOf(preset.arm).params, preset.values, 'recipe', 'params')
    expect(problems).toEqual([])
  },
)

test.each(controls.map((control) => [control.id, control] as const))('what the control %s fixes is allowed in its arm', (_, control) => {
  const arm = armOf('control', control.id)
  expect(checkParams(tunerOf(arm).params, control.values, 'recipe', 'params').problems).toEqual([])
})

test('defaults lie inside what they allow, and basic parameters exist', () => {
  for (const tuner of tuners) {
    expect(checkParams(tuner.params, defaultsOf(tuner.params, 'recipe'), 'recipe', 'params').problems).toEqual([])
    expect(tuner.basic.filter((id) => !tuner.params.some((spec) => spec.id === id))).toEqual([])
    expect(new Set(tuner.params.map(({ id }) => id)).size).toBe(tuner.params.length)
  }
})

test('values by hand win over the preset, the preset over defaults', () => {
  const values = completeValues('train', findPreset('recycling_lora'), { rank: 4 })
  expect([values['rank'], values['alpha'], values['batch']]).toEqual([4, 16, 8])
})

test('the first preset of tuning is the study’s own, that of training the small model’s', () => {
  expect(presetsOf('tune')[0]?.id).toBe('recycling_2026')
  expect(completeValues('train', presetsOf('train')[0], {})).toMatchObject({
    rank: 16,
    alpha: 32,
    dropout: 0.1,
    learningRate: 0.003,
    steps: 200,
    batch: 8,
  })
})

test('what a control fixes stands in no heap of the form', () => {
  const { basic, more } = splitSpecs('train', { dropout: 0.5 })
  expect([...basic, ...more].some(({ id }) => id === 'dropout')).toBe(false)
  expect([...basic, ...more]).toHaveLength(tunerOf('train').params.length - 1)
})

test('swept values are read by the kind of their parameter', () => {
  const spec = (id: string) => tunerOf('train').params.find((candidate) => candidate.id === id) as (typeof tuners)[number]['params'][number]
  expect(sweptValues(spec('learningRate'), ' 0.001, 3e-3 ,')).toEqual([0.001, 0.003])
  expect(sweptValues(spec('rsLora'), 'true, false')).toEqual([true, false])
  expect(sweptValues(spec('variant'), 'lora, LoRI-D')).toEqual(['lora', 'lori_d'])
  expect(sweptValues(spec('rank'), 'many')).toBeNull()
  expect(sweptValues(spec('rank'), '')).toBeNull()
})
