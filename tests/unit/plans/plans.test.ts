import { describe, expect, test } from 'vitest'
import type { PlanFile, PlanFileInput } from '../../../src-main/contract/plan.ts'
import { expandPlan } from '../../../src-main/plans/expand-plan.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { readPlan } from '../../../src-main/plans/read-plan.ts'

const around = { version: 1, title: 'Test', base: 'tiny', tasks: ['one', 'two'] } as const

function planOf(input: Partial<PlanFileInput>): PlanFile {
  const { plan, problems } = readPlan({ ...around, arms: [{ kind: 'base', id: 'base', role: 'base' }], ...input })
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  return plan as PlanFile
}

describe('presets', () => {
  test.each(planPresets.map((preset) => [preset.id, preset] as const))('%s is a valid plan with a verdict', (_, { plan }) => {
    const read = readPlan({ ...around, ...plan })
    expect(read.problems).toEqual([])
    expect(expandPlan(read.plan as PlanFile).length).toBeGreaterThan(plan.arms.length)
  })
})

describe('expanding', () => {
  test('every cell comes after what it needs, and has an id of its own', () => {
    const cells = expandPlan(planOf({ ...planPresets[2]?.plan }))
    const seen = new Set<string>()
    for (const { id, needs } of cells) {
      expect(needs.filter((need) => !seen.has(need))).toEqual([])
      expect(seen.has(id)).toBe(false)
      seen.add(id)
    }
  })
  test('the base model is run once for each task, the best adapter once for each budget, training for each seed', () => {
    const cells = expandPlan(
      planOf({
        budgets: [10, null],
        seeds: [1, 2],
        arms: [
          { kind: 'base', id: 'base', role: 'base' },
          { kind: 'best_single', id: 'best' },
          { kind: 'train', id: 'own', role: 'own' },
        ],
      }),
    )
    const ids = cells.filter(({ task }) => task === 'one').map(({ id }) => id)
    expect(ids).toEqual([
      ...['one/10/1/own', 'one/-/-/base', 'one/10/-/best', 'one/10/2/own'],
      ...['one/all/1/own', 'one/all/-/best', 'one/all/2/own'],
    ])
    expect(cells).toHaveLength(14)
  })
  test('an arm with the own LoRA needs that of its task, budget and seed', () => {
    const cells = expandPlan(
      planOf({
        seeds: [3],
        arms: [
          { kind: 'tune', id: 'with', withOwn: true },
          { kind: 'control', id: 'retuned', control: 'retuned_own' },
          { kind: 'merge', id: 'average', method: 'average' },
          { kind: 'train', id: 'own', role: 'own' },
        ],
      }),
    )
    expect(cells.filter(({ task }) => task === 'two').map(({ id, needs }) => [id, needs])).toEqual([
      ['two/100/3/own', []],
      ['two/100/3/with', ['two/100/3/own']],
      ['two/100/3/retuned', ['two/100/3/own']],
      ['two/100/-/average', []],
    ])
  })
})

describe('reading', () => {
  const codes = (input: unknown): readonly (readonly [string, string | undefined])[] =>
    readPlan(input).problems.map(({ severity, where }) => [severity, where?.field])

  test('a plan as YAML, with its defaults', () => {
    const { plan, problems } = readPlan(
      'version: 1\ntitle: Look\nbase: tiny\ntasks: [one]\narms:\n  - {kind: base, id: base, role: base}\n',
    )
    expect(plan).toMatchObject({ budgets: [100], seeds: [1], margin: 0.02, testLimit: null, pool: [] })
    expect(problems.map(({ severity, where }) => [severity, where?.value])).toEqual([
      ['warning', 'merged'],
      ['warning', 'random'],
    ])
  })
  test('an own LoRA that is needed and not trained is refused', () => {
    const arms = [
      { kind: 'base', id: 'base', role: 'base' },
      { kind: 'tune', id: 'with', role: 'mergedWithOwn', withOwn: true },
    ]
    expect(codes({ ...around, arms })).toContainEqual(['error', 'arms.with'])
    expect(readPlan({ ...around, arms }).plan).toBeNull()
  })
  test('ids and roles given twice, an unknown preset, parameter and method are named', () => {
    const arms = [
      { kind: 'base', id: 'a', role: 'base' },
      { kind: 'base', id: 'a', role: 'base' },
      { kind: 'train', id: 't', preset: 'recycling_2026' },
      { kind: 'tune', id: 'u', params: { nothing: 1 } },
      { kind: 'merge', id: 'm', method: 'tiess' },
    ]
    const found = codes({ ...around, arms })
    expect(found.filter(([severity]) => severity === 'error')).toEqual([
      ['error', 'arms'],
      ['error', 'arms'],
      ['error', 'arms.t.preset'],
      ['error', 'arms.u.params.nothing'],
      ['error', 'arms.m'],
    ])
  })
  test('another version, a field that is not there and text that is no YAML are refused', () => {
    expect(readPlan({ ...around, version: 2, arms: [] }).plan).toBeNull()
    expect(codes({ ...around, arms: [{ kind: 'base', id: 'base' }], extra: 1 })).toEqual([['error', 'extra']])
    expect(readPlan('version: [1').problems.map(({ code }) => code)).toEqual(['recipe-not-readable'])
  })
})
