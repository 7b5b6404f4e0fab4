import { describe, expect, it } from 'vitest'
import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import { methods } from '../../../src-main/contract/methods.ts'
import { exampleOf } from '../../../src-renderer/state/merge-example.ts'
import { addSources, emptyDraft } from '../../../src-renderer/state/merge-draft.ts'
import { restoreDraft, storeDraft } from '../../../src-renderer/state/merge-stored.ts'
import { claimsOf, families, needsOf, rankWords, spaceOf } from '../../../src-renderer/views/merge/method-words.ts'
import { placeAt } from '../../../src-renderer/views/merge/reorder.ts'
import { factsOf, whyNot } from '../../../src-renderer/views/merge/source-words.ts'

function row(name: string, change: Partial<AdapterRow> = {}): AdapterRow {
  return {
    id: name,
    name,
    paths: [],
    contentHash: null,
    tensorHash: null,
    baseModelName: 'demo/tiny-llama',
    ranks: [16],
    alphas: [32],
    scaling: [2],
    targetModules: ['q_proj', 'v_proj'],
    layers: 4,
    dtype: 'float32',
    sizeBytes: 10,
    updateNorm: 3,
    effectiveRank: 4,
    variant: 'plain',
    status: 'ok',
    tags: [],
    collections: [],
    favourite: false,
    origin: 'demo',
    licence: null,
    addedAt: '',
    problems: [],
    ...change,
  }
}

describe('method words', () => {
  it('covers every method of the registry once', () =>
    expect(families.flatMap((family) => family.methods.map((method) => method.id))).toEqual(methods.map((method) => method.id)))
  it('says where the rank comes from', () => {
    expect(rankWords('in_core', 36, 16)).toBe('The ranks of the sources sum to 36 at most in one module; the result keeps 16.')
    expect(rankWords('on_tiles', 36, 16)).toBe('A result made entry by entry has full rank; its 16 largest singular values are kept.')
    expect(rankWords('cluster', 36, 16)).toBe('36 rank units are pooled at most in one module; 16 clusters make the result.')
  })
  it('labels the space in which a method works', () =>
    expect(methods.map((method) => [method.id, spaceOf(method).label])).toEqual([
      ['concat', 'acts on the update'],
      ['linear', 'acts on the update (joint core)'],
      ['average', 'acts on the update (joint core)'],
      ['peft_linear', 'acts on factors'],
      ['lorahub', 'acts on factors'],
      ['ties', 'acts on the update'],
      ['lego', 'acts on factors'],
    ]))
  it('says what a method needs', () => {
    expect(needsOf(methods[3])).toEqual(['all adapters of one rank in each module'])
    expect(needsOf(methods[0])).toEqual([])
  })
  it('says what does not hold and why', () =>
    expect(claimsOf(methods[3]).find((claim) => claim.id === 'gauge')).toEqual({
      id: 'gauge',
      holds: false,
      text: 'replacing (B, A) by (B inverse(M), M A) changes nothing',
      note: 'the sum of factors depends on how each adapter is split into B and A',
    }))
})

describe('source words', () => {
  it('names rank, scaling, modules and base', () => expect(factsOf(row('a'))).toEqual(['rank 16', 'scaling 2', '2 modules', 'tiny-llama']))
  it('says why an adapter cannot be merged', () => {
    expect(whyNot(row('a'))).toBe('')
    expect(whyNot(row('a', { status: 'checking' }))).toBe('still being checked')
    expect(whyNot(row('a', { variant: 'dora' }))).toBe('DoRA')
  })
})

describe('the example', () => {
  it('prefers demo adapters that differ and needs two', () => {
    const rows = [row('alive'), row('topic-r4-attention'), row('sentiment-r16'), row('mine', { origin: 'imported' })]
    expect(exampleOf(rows).map((chosen) => chosen.name)).toEqual(['sentiment-r16', 'topic-r4-attention', 'alive'])
    expect(exampleOf([row('alive'), row('broken', { variant: 'dora' })])).toEqual([])
  })
})

describe('the remembered draft', () => {
  it('comes back as it was', () => {
    const draft = addSources(emptyDraft, [{ id: 'a', name: 'alpha' }])
    expect(restoreDraft(storeDraft(draft))).toEqual(draft)
  })
  it('is forgotten when it has another shape', () => {
    expect(restoreDraft(undefined)).toBeNull()
    expect(restoreDraft('{"method":"linear"}')).toBeNull()
    expect(restoreDraft('not json')).toBeNull()
  })
})

it('a dragged line goes before the first middle below it', () => {
  expect(placeAt(5, [10, 30])).toBe(0)
  expect(placeAt(20, [10, 30])).toBe(1)
  expect(placeAt(99, [10, 30])).toBe(2)
})
