import { describe, expect, it } from 'vitest'
import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import type { AdapterInspection, Detector } from '../../../src-main/contract/inspection.ts'
import { pairCount, readableOf, sameSet } from '../../../src-renderer/state/inspect-set.ts'
import {
  detectorFinding,
  detectorTable,
  familiesFinding,
  familyWords,
  leftOutWords,
  modulePlaces,
  moduleWords,
  shownWords,
  spectraOf,
} from '../../../src-renderer/views/inspect/inspect-words.ts'
import { poolQuantities, valuesOf } from '../../../src-renderer/views/inspect/pool-quantities.ts'

const row = (name: string, change: Partial<AdapterRow> = {}): AdapterRow =>
  ({ id: name, name, status: 'ok', ranks: [8], scaling: [2], updateNorm: 1, effectiveRank: 3, sizeBytes: 100, ...change }) as AdapterRow

const detector = (change: Partial<Detector> = {}): Detector => ({
  frozenA: 'trained',
  maxScaledA: 1.2,
  scaledStdA: 1,
  kurtosisA: 1.9,
  zerosB: 0,
  verdict: 'A has moved.',
  ...change,
})
const inspection = (name: string, change: Partial<AdapterInspection> = {}): AdapterInspection => ({
  id: name,
  name,
  contentHash: null,
  modules: [],
  effectiveRank: null,
  detector: null,
  ...change,
})
const module = (moduleKind: string, layer: number | null, norm: number) => ({
  name: `${moduleKind} ${layer}`,
  layer,
  moduleKind,
  norm,
  singularValues: [norm],
  effectiveRank: 1,
})

describe('the set that is inspected', () => {
  it('counts pairs and compares sets', () => {
    expect([0, 1, 2, 19].map(pairCount)).toEqual([0, 0, 1, 171])
    expect(sameSet(['a', 'b'], new Set(['b', 'a']))).toBe(true)
    expect(sameSet(['a'], ['a', 'b'])).toBe(false)
    expect(sameSet(['a', 'c'], ['a', 'b'])).toBe(false)
  })
  it('says who is left out and why', () => {
    const rows = [row('a'), row('b', { status: 'checking' }), row('c', { status: 'missing' }), row('d', { status: 'missing' })]
    expect(readableOf(rows).map((readable) => readable.id)).toEqual(['a'])
    expect(leftOutWords(rows)).toBe('left out: 1 still being checked and 2 missing')
    expect(leftOutWords([row('a')])).toBe('')
  })
  it('names a dozen and counts the others', () => {
    expect(shownWords([row('a'), row('b')])).toBe('a\nb')
    expect(shownWords([row('a'), row('b'), row('c')], 2)).toBe('a\nb\nand 1 other')
  })
})

describe('modules', () => {
  const adapters = [
    inspection('a', { modules: [module('v_proj', 1, 3), module('q_proj', 0, 4), module('lm_head', null, 1)] }),
    inspection('b', { modules: [module('v_proj', 1, 3)] }),
  ]
  it('finds every kind and layer and where the updates are largest together', () => {
    const places = modulePlaces(adapters)
    expect(places.kinds).toEqual(['q_proj', 'v_proj', 'lm_head'])
    expect(places.layers).toEqual([0, 1, null])
    expect(places.largest).toEqual({ moduleKind: 'v_proj', layer: 1 })
    expect(modulePlaces([]).largest).toBeNull()
    expect([moduleWords({ moduleKind: 'q_proj', layer: 3 }), moduleWords({ moduleKind: 'lm_head', layer: null })]).toEqual([
      'q_proj, layer 3',
      'lm_head',
    ])
  })
  it('gives colours as long as there are some, and an empty spectrum where the module is not touched', () => {
    expect(spectraOf(adapters, { moduleKind: 'q_proj', layer: 0 }, 1)).toEqual([
      { id: 'a', name: 'a', colour: 0, values: [4], effectiveRank: 1 },
      { id: 'b', name: 'b', colour: null, values: [], effectiveRank: 0 },
    ])
  })
})

describe('the detector', () => {
  const adapters = [
    inspection('b', { detector: detector() }),
    inspection('c'),
    inspection('a', { detector: detector({ frozenA: 'uniform', zerosB: 0.9, verdict: 'LoRI-S.' }) }),
  ]
  it('counts what it found', () => {
    expect(detectorFinding(adapters)).toBe('1 of 2 adapters look trained with A frozen; 1 with a sparse B')
    expect(detectorFinding([inspection('b', { detector: detector() })])).toBe('None of 1 adapter looks trained with A frozen')
    expect(detectorFinding([inspection('c')])).toBe('Which adapters were trained with A frozen? Nothing is known yet')
  })
  it('lists frozen ones first, unknown ones last', () => {
    const { rows } = detectorTable(adapters)
    expect(rows.map((cells) => [cells[0], cells[1]])).toEqual([
      ['a', 'frozen, uniform start'],
      ['b', 'trained'],
      ['c', 'not computed yet'],
    ])
    expect(rows[0]).toEqual(['a', 'frozen, uniform start', 1.2, 1, 1.9, 0.9, 'LoRI-S.'])
  })
})

describe('families', () => {
  const family = { ids: ['a', 'b', 'c'], names: ['a', 'b', 'c'], lowest: 0.991, highest: 0.9994 }
  it('says how many adapters are near duplicates', () => {
    expect(familiesFinding({ threshold: 0.99, families: [family, { ...family, ids: ['d', 'e'] }] })).toBe(
      '5 adapters in 2 families linked by cosines of 0.990 or more',
    )
    expect(familiesFinding({ threshold: 1, families: [] })).toBe('No two compared adapters have a cosine of 1.00 or more')
    expect(familyWords(family)).toBe('cosines 0.9910 to 0.9994')
    expect(familyWords({ ...family, highest: 0.991 })).toBe('cosine 0.9910')
  })
})

describe('quantities of the pool', () => {
  const quantity = (id: string) => poolQuantities.find((candidate) => candidate.id === id) as (typeof poolQuantities)[number]
  it('takes the largest of several, and nothing where nothing is known', () => {
    const rows = [row('a', { ranks: [4, 16] }), row('b', { ranks: [], effectiveRank: null })]
    expect(valuesOf(quantity('rank'), rows)).toEqual([16])
    expect(valuesOf(quantity('effectiveRank'), rows)).toEqual([3])
    expect(valuesOf(quantity('size'), rows)).toEqual([100, 100])
  })
  it('writes its numbers without padding', () => {
    expect(quantity('norm').write(0.123456)).toBe('0.123')
    expect(quantity('rank').write(16)).toBe('16')
    expect(quantity('size').write(200_000)).toBe('200 kB')
  })
})
