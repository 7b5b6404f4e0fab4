import { describe, expect, test } from 'vitest'
import type { AdapterDetail } from '../../../src-main/contract/adapter.ts'
import { cellAdapterName, isNamedForCell } from '../../../src-main/contract/cell-name.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { planFileSchema, type Arm, type PlanFile } from '../../../src-main/contract/plan.ts'
import * as v from 'valibot'
import { cellFingerprint, type CellContent } from '../../../src-main/plans/cell-fingerprint.ts'
import { expandPlan } from '../../../src-main/plans/expand-plan.ts'
import { mergeRecipe } from '../../../src-main/plans/merge-cell.ts'
import { openCells, type OpenCell } from '../../../src-main/plans/open-cells.ts'
import { createPlanMeter } from '../../../src-main/plans/plan-meter.ts'
import { checkPlanSizes } from '../../../src-main/plans/plan-sizes.ts'

const preset = planPresets[0]!
const file: PlanFile = v.parse(planFileSchema, { version: 1, title: 'x', base: 'b', tasks: ['t'], ...preset.plan })
const own = file.arms.find(({ role }) => role === 'own')!

describe('which parts are open', () => {
  const cell = (id: string, state: OpenCell['state'], needs: string[] = []): OpenCell => ({ id, state, needs, adapterId: `made by ${id}` })
  const cells = [cell('own', 'done'), cell('tuned', 'failed', ['own']), cell('base', 'waiting'), cell('other', 'done', ['own'])]
  const ids = (named: string[], again = false, isThere = true) => [...openCells(cells, named, again, () => isThere).open]

  test('all that are not done, or those named; done ones with again', () => {
    expect(ids([])).toEqual(['tuned', 'base'])
    expect(ids([], true)).toEqual(['own', 'tuned', 'base', 'other'])
    expect(ids(['base', 'other'])).toEqual(['base'])
    expect(ids(['other'], true)).toEqual(['other'])
  })

  test('with the own LoRA that one needs, where its adapter is gone', () => {
    expect(ids(['tuned'], false, false)).toEqual(['tuned', 'own'])
    expect(ids(['base'], false, false)).toEqual(['base'])
  })

  test('a part that is not in the plan is refused', () => {
    expect(openCells(cells, ['nothing'], false, () => true).problems).toMatchObject([{ code: 'parameter-invalid', allowed: ['own', 'tuned', 'base', 'other'] }]) // prettier-ignore
  })
})

describe('fingerprints of cells', () => {
  const content = (arm: string, changes: Partial<CellContent> = {}): CellContent => ({
    cell: expandPlan(file).find((cell) => cell.arm.id === arm)!,
    ...{ own, testLimit: null, taskHash: 'task', baseHash: 'base', poolHashes: ['a', 'b'] },
    ...changes,
  })

  test('differ by everything a result depends on', () => {
    const prints = [
      cellFingerprint(content('tuned')),
      cellFingerprint(content('tuned_own')),
      ...[{ testLimit: 5 }, { taskHash: 'x' }, { baseHash: 'x' }, { poolHashes: ['b', 'a'] }].map((changes) => cellFingerprint(content('tuned', changes))), // prettier-ignore
      cellFingerprint(content('tuned_own', { own: { ...own, id: 'own2' } as Arm })),
    ]
    expect(new Set(prints).size).toBe(prints.length)
    expect(prints[0]).toMatch(/^[0-9a-f]{64}$/)
  })

  test('depend on the own LoRA only where it is taken', () => {
    const other = { own: { ...own, params: { rank: 2 } } as Arm }
    expect(cellFingerprint(content('tuned', other))).toBe(cellFingerprint(content('tuned')))
    expect(cellFingerprint(content('tuned_own', other))).not.toBe(cellFingerprint(content('tuned_own')))
  })
})

test('names of adapters tell what plans made', () => {
  const name = cellAdapterName('Tuned merge', 'sentiment/100/1/tuned')
  expect([name, isNamedForCell(name)]).toEqual(['Tuned merge [sentiment/100/1/tuned]', true])
  expect(isNamedForCell(cellAdapterName('x'.repeat(300), 't/all/-/average'))).toBe(true)
  expect(cellAdapterName('x'.repeat(300), 't/all/-/average')).toHaveLength(200)
  for (const other of ['sentiment-r16', 'my [best] one', 'a/100/1/own', 'x [a/b/c/d]']) expect(isNamedForCell(other)).toBe(false)
})

describe('the recipe of a merge without tuning', () => {
  const adapter = (id: string, rank: number): AdapterDetail => ({ id, modules: ['q', 'v'].map((name) => ({ name, rank, in: 64, out: 48 })) }) as unknown as AdapterDetail // prettier-ignore
  const arm = (method: string): Extract<Arm, { kind: 'merge' }> => ({ kind: 'merge', id: 'm', role: null, method, selection: {}, params: {}, coefficient: 0.5, withOwn: false }) // prettier-ignore
  const recipe = (method: string, ranks: readonly number[] = [8, 16]) => mergeRecipe(arm(method), ranks.map((rank, index) => adapter(`a${index}`, rank)), { name: 'n', seed: 3 }) // prettier-ignore

  test('is exact where the method can be, and of the rank of a sum where it has full rank', () => {
    expect(['concat', 'linear', 'average', 'ties', 'lego'].map((method) => recipe(method).output?.rank)).toEqual(['sum', 'sum', 'sum', 24, 'auto']) // prettier-ignore
    expect(recipe('ties', [32, 32]).output?.rank).toBe(48)
  })

  test('gives coefficients only where the method takes some', () => {
    expect(recipe('linear').adapters).toEqual([{ adapter: 'a0', coefficient: 0.5 }, { adapter: 'a1', coefficient: 0.5 }]) // prettier-ignore
    expect(recipe('average')).toMatchObject({ adapters: [{ adapter: 'a0' }, { adapter: 'a1' }], seed: 3, output: { name: 'n' } })
    expect(recipe('average').adapters[0]).not.toHaveProperty('coefficient')
  })
})

test('arms that want more adapters than there are: once for each K, and each that leaves most of them out', () => {
  const relevance = planPresets.find(({ id }) => id === 'relevance')!
  const messages = checkPlanSizes(relevance.plan, 19).map(({ message }) => message)
  expect(messages).toEqual([
    '"Best 15 left out" skips 15 of the 19 adapters: 4 remain besides your own LoRA, and K is 10.',
    '"Best 20 left out" skips 20 of the 19 adapters: 0 remain besides your own LoRA, and K is 10.',
  ])
  expect(checkPlanSizes(planPresets.find(({ id }) => id === 'main_table')!.plan, 19)).toHaveLength(1)
  expect(checkPlanSizes(preset.plan, 19)).toEqual([])
})

test('the rest of the time is known once every kind of work was seen', () => {
  let now = 0
  const meter = createPlanMeter(() => undefined, () => now) // prettier-ignore
  meter.begin('a', 'tune', ['tune', 'test'])
  expect(meter.progress).toEqual({ cell: 'a', stage: 'preparing', fraction: 0, etaSeconds: null })
  now = 4000
  meter.end()
  meter.begin('b', 'tune', ['test'])
  // Four seconds for this one, and as much for what was not seen yet.
  expect(meter.progress.etaSeconds).toBe(8)
  now = 5000
  meter.report('learning', 0.5, 1.5)
  expect(meter.progress).toEqual({ cell: 'b', stage: 'learning', fraction: 0.5, etaSeconds: 5.5 })
})
