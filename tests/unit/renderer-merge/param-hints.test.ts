import { expect, it } from 'vitest'
import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import { findMethod, type MethodEntry } from '../../../src-main/contract/methods.ts'
import { meanRank, paramHints, poolSize } from '../../../src-renderer/views/merge/param-hints.ts'

const row = (...ranks: number[]): AdapterRow => ({ ranks }) as unknown as AdapterRow
const lego = findMethod('lego') as MethodEntry
const estimate = (rankSum: number) => ({ rankSum }) as NonNullable<Parameters<typeof poolSize>[0]['estimate']>

it('offers the mean rank, half the pool and the whole pool as numbers of clusters', () => {
  const hints = paramHints(lego, { rows: [row(16), row(4), row(16)], estimate: null })
  expect(hints['k']).toMatchObject({ automatic: 12, range: { from: 1, to: 36 } })
  expect(hints['k']?.presets?.map(({ label, value }) => [label, value])).toEqual([
    ['r', 12],
    ['P/2', 18],
    ['P', 36],
  ])
  expect(hints['referenceRank']).toEqual({ automatic: 12 })
  expect(Object.keys(hints).sort()).toEqual(['k', 'referenceRank'])
})

it('takes the pool from the preview, which knows the modules', () =>
  expect(paramHints(lego, { rows: [row(16), row(16)], estimate: estimate(20) })['k']?.range).toEqual({ from: 1, to: 20 }))

it('prunes one adapter: its own rank is the pool', () => {
  const presets = paramHints(lego, { rows: [row(16)], estimate: null })['k']?.presets
  expect(presets?.map(({ label, value }) => [label, value])).toEqual([
    ['P/2', 8],
    ['P', 16],
  ])
})

it('gives one choice to values that fall together', () => {
  const presets = paramHints(lego, { rows: [row(16), row(16)], estimate: null })['k']?.presets
  expect(presets?.map(({ label, value }) => [label, value])).toEqual([
    ['r, P/2', 16],
    ['P', 32],
  ])
})

it('claims no number that it does not know', () => {
  expect(meanRank([row(8), undefined])).toBeNull()
  expect(meanRank([row(8, 16)])).toBeNull()
  expect(meanRank([])).toBeNull()
  expect(poolSize({ rows: [row(8, 16), row(4)], estimate: null })).toBe(20)
  expect(poolSize({ rows: [undefined], estimate: null })).toBeNull()
  expect(paramHints(lego, { rows: [undefined], estimate: null })['k']).toEqual({ automatic: null })
})

it('takes the automatic number from a preview where the rows have several ranks', () => {
  const hints = paramHints(lego, { rows: [row(8, 16), row(4)], estimate: estimate(20), automaticRank: 10 })
  expect(hints['k']).toMatchObject({ automatic: 10, range: { from: 1, to: 20 } })
  expect(hints['referenceRank']).toEqual({ automatic: null })
})

it('has nothing to add for other parameters', () =>
  expect(paramHints(findMethod('ties') as MethodEntry, { rows: [row(16), row(16)], estimate: null })).toEqual({}))
