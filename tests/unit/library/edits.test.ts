import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Lineage } from '../../../src-main/contract/adapter.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { openBench, queryOf, type Bench } from './support.ts'

async function withPool(names: readonly string[]): Promise<Bench & { readonly id: (name: string) => string }> {
  const bench = openBench()
  names.forEach((name, seed) => makeAdapter(join(bench.folder, 'pool', name), { seed }))
  await bench.take(join(bench.folder, 'pool'))
  return { ...bench, id: (name) => bench.library.adapters.list(queryOf({})).rows.find((row) => row.name === name)?.id ?? '' }
}

describe('what a person writes', () => {
  test('names and notes are kept and searched', async () => {
    const { library, id, names } = await withPool(['a1', 'b2'])
    const { adapters } = library
    const first = id('a1')
    expect(adapters.setName(first, 'Sentiment, the good one')).toEqual([])
    expect(adapters.setNotes(first, 'trained on reviews')).toEqual([])
    expect(adapters.get(first)).toMatchObject({ name: 'Sentiment, the good one', notes: 'trained on reviews' })
    expect(names({ text: 'reviews good' })).toEqual(['Sentiment, the good one'])
    expect(adapters.setName('nobody', 'x')).toMatchObject([{ code: 'adapter-unknown', where: { value: 'nobody' } }])
  })

  test('tags are shared, cleaned, and gone with their last adapter', async () => {
    const { library, id, names } = await withPool(['a1', 'b2'])
    const { adapters } = library
    const both = [id('a1'), id('b2')]
    expect(adapters.editTags(both, ['  good \n one ', 'Kept', 'kept', ''], [])).toEqual([])
    expect(adapters.get(both[0] ?? '')?.tags).toEqual(['good one', 'Kept'])
    expect(adapters.editTags([both[0] ?? ''], ['new'], ['GOOD ONE'])).toEqual([])
    expect(adapters.get(both[0] ?? '')?.tags).toEqual(['Kept', 'new'])
    expect(names({ text: 'good one' })).toEqual(['b2'])
    adapters.editTags([both[1] ?? ''], [], ['good one'])
    expect(adapters.facets().counts.tag).toEqual([{ value: 'Kept', count: 2 }, { value: 'new', count: 1 }]) // prettier-ignore
  })

  test('some unknown ids do not keep the others from being edited', async () => {
    const { library, id } = await withPool(['a1'])
    expect(library.adapters.setFavourite(['nobody', id('a1')], true)).toMatchObject([{ code: 'adapter-unknown' }])
    expect(library.adapters.get(id('a1'))?.favourite).toBe(true)
    library.adapters.setFavourite([id('a1')], false)
    expect(library.adapters.facets().counts.is).toEqual([])
  })
})

test('removing forgets the adapter and touches no file; importing it again brings it back without what was written', async () => {
  const { library, id, names, folder, take } = await withPool(['a1', 'b2'])
  const first = id('a1')
  library.adapters.editTags([first], ['only here'], [])
  expect(library.adapters.remove([first, 'nobody'])).toMatchObject([{ code: 'adapter-unknown' }])
  expect(names()).toEqual(['b2'])
  expect(names({ text: 'a1' })).toEqual([])
  expect(library.adapters.get(first)).toBeNull()
  expect(library.adapters.facets()).toMatchObject({ total: 1, counts: { tag: [{ value: '', count: 1 }] } })
  expect(existsSync(join(folder, 'pool/a1/adapter_model.safetensors'))).toBe(true)
  const report = await take(join(folder, 'pool/a1'))
  expect(report.counts).toMatchObject({ imported: 1, duplicate: 0 })
  expect(library.adapters.get(report.items[0]?.id ?? '')).toMatchObject({ name: 'a1', tags: [], status: 'ok' })
})

describe('finding', () => {
  test('by id, path, file, relative path and name', async () => {
    const { library, id, folder } = await withPool(['sentiment-r16', 'topic'])
    const { find } = library.adapters
    const expected = { id: id('sentiment-r16') }
    const path = join(folder, 'pool/sentiment-r16')
    for (const reference of [
      expected.id,
      path,
      `${path}/`,
      join(path, 'adapter_model.safetensors'),
      join(path, 'adapter_config.json'),
      'sentiment-r16',
      'SENTIMENT-R16',
      ' sentiment-r16 ',
    ])
      expect(find(reference), reference).toEqual(expected)
    expect(find('../pool/sentiment-r16', join(folder, 'recipes'))).toEqual(expected)
    expect(find('./pool/sentiment-r16', folder)).toEqual(expected)
  })

  test('says what was probably meant, and where a path leads', async () => {
    const { library, folder } = await withPool(['sentiment-r16', 'topic'])
    const { find } = library.adapters
    expect(find('sentimnt-r16')).toMatchObject({
      code: 'adapter-unknown',
      allowed: ['sentiment-r16', 'topic'],
      hint: 'Did you mean "sentiment-r16"?',
    })
    expect(find('./nowhere', folder)).toMatchObject({ code: 'adapter-unknown', message: `There is nothing at ${join(folder, 'nowhere')}.` })
    expect(find(folder)).toMatchObject({ code: 'adapter-unknown', hint: 'Import it first.' })
  })

  test('names that two adapters have are ambiguous and list the ids', async () => {
    const { library, id } = await withPool(['a1', 'b2'])
    const [one, two] = [id('a1'), id('b2')]
    library.adapters.setName(two, 'a1')
    expect(library.adapters.find('a1')).toMatchObject({ code: 'adapter-ambiguous', allowed: [one, two] })
    // The exact spelling decides between names that differ in case only.
    library.adapters.setName(two, 'A1')
    expect(library.adapters.find('a1')).toEqual({ id: one })
    expect(library.adapters.find('A1')).toEqual({ id: two })
  })
})

test('lineage names the sources, and the sources know what was made of them', async () => {
  const { library, importer, id, folder } = await withPool(['a1', 'b2'])
  const sources = ['a1', 'b2'].map((name) => library.adapters.get(id(name))!)
  const lineage: Lineage = {
    ...{
      kind: 'merge',
      method: 'linear',
      fingerprint: 'f'.repeat(64),
      createdAt: '2026-01-01T00:00:00Z',
      jobId: 'j1',
      recipe: 'method: linear\n',
    },
    sources: sources.map((source) => ({ id: source.id, name: source.name, contentHash: source.contentHash ?? '', coefficient: '0.5' })),
  }
  const output = makeAdapter(join(folder, 'outputs/mix'), { seed: 99 })
  const item = await importer.importFolder(output, { origin: 'merged', name: 'My mix', lineage, tags: ['merged'] })
  expect(item).toMatchObject({ path: output, status: 'imported', problems: [] })
  const merged = library.adapters.get(item.id ?? '')
  expect(merged).toMatchObject({ name: 'My mix', origin: 'merged', status: 'ok', tags: ['merged'], lineage })
  expect(library.adapters.get(id('a1'))?.usedBy).toEqual([{ id: item.id, name: 'My mix' }])
  // A source that was removed and imported again is known by its content.
  library.adapters.remove([id('a1')])
  await importer.finished(importer.start([join(folder, 'pool/a1')]).id ?? '')
  expect(library.adapters.get(id('a1'))?.usedBy).toEqual([{ id: item.id, name: 'My mix' }])
  expect(library.adapters.get(item.id ?? '')?.lineage?.sources[0]?.name).toBe('a1')
})

test('the detail shows modules with norms, the config and twins', async () => {
  const bench = openBench()
  makeAdapter(join(bench.folder, 'one'), { seed: 1 })
  makeAdapter(join(bench.folder, 'two'), { seed: 1, config: { lora_dropout: 0.9 } })
  await bench.take(join(bench.folder, 'one'), join(bench.folder, 'two'))
  const [one, two] = bench.library.adapters.ids(queryOf({})).map((id) => bench.library.adapters.get(id)!)
  expect(one?.modules).toHaveLength(14)
  const total = Math.sqrt(one!.modules.reduce((sum, module) => sum + (module.norm ?? NaN) ** 2, 0))
  expect(total).toBeCloseTo(one?.updateNorm ?? NaN, 9)
  expect(JSON.parse(one?.config ?? '')).toMatchObject({ r: 4, peft_type: 'LORA' })
  expect(one?.config).toContain('\n  "r": 4')
  expect(one?.sameWeights).toEqual([{ id: two?.id, name: 'two' }])
  expect(two?.sameWeights).toEqual([{ id: one?.id, name: 'one' }])
  // The later one carries the remark; it goes when the earlier one does.
  expect(one?.problems).toEqual([])
  expect(two?.problems).toMatchObject([{ code: 'same-weights', severity: 'warning', where: { value: 'one' } }])
  bench.library.adapters.remove([one?.id ?? ''])
  expect(bench.library.adapters.get(two?.id ?? '')?.problems).toEqual([])
})
