import { join } from 'node:path'
import { expect, test } from 'vitest'
import { familiesOf } from '../../../src-main/library/families.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { openBench } from './support.ts'

async function pool(count: number) {
  const bench = openBench()
  const paths = Array.from({ length: count }, (_, index) =>
    makeAdapter(join(bench.folder, 'pool', `a${index}`), { seed: index + 1, layers: 1 }),
  )
  await bench.take(...paths)
  const rows = bench
    .names()
    .map((name) => bench.library.adapters.find(name))
    .map((found) => bench.library.adapters.get('code' in found ? '' : found.id)!)
  const { similarities } = bench.library
  const put = (left: number, right: number, cosine: number | null) =>
    similarities.put([{ left: rows[left]!.contentHash!, right: rows[right]!.contentHash!, innerProduct: 2, cosine }])
  return { ...bench, rows, ids: rows.map(({ id }) => id), similarities, put }
}

test('connected components with the lowest and highest of their links, largest first', () => {
  const link = (left: string, right: string, cosine: number) => ({ left, right, cosine })
  expect(familiesOf([link('x', 'y', 0.9), link('a', 'b', 0.99), link('c', 'd', 1), link('b', 'c', 0.95)])).toEqual([
    { ids: ['a', 'b', 'c', 'd'], lowest: 0.95, highest: 1 },
    { ids: ['x', 'y'], lowest: 0.9, highest: 0.9 },
  ])
  expect(familiesOf([])).toEqual([])
  // A long chain, linked from its far end.
  const chain = Array.from({ length: 5000 }, (_, index) => link(`${5000 - index}`, `${4999 - index}`, 0.9))
  expect(familiesOf(chain)[0]!.ids).toHaveLength(5001)
})

test('pairs that were not compared are null; pairs are kept once, in either order', async () => {
  const { ids, rows, similarities, put } = await pool(3)
  put(0, 1, 0.5)
  put(1, 0, 0.7)
  put(2, 1, null)
  const found = await similarities.similarity([ids[2]!, ids[0]!, ids[1]!, ids[0]!, 'nobody'])
  expect(found.adapters.map(({ id }) => id)).toEqual([ids[2], ids[0], ids[1]])
  expect(found.adapters[0]!.updateNorm).toBe(rows[2]!.updateNorm)
  expect(found.cosines).toEqual([
    [1, null, null],
    [null, 1, 0.5],
    [null, 0.5, 1],
  ])
  expect([found.pairsKnown, found.pairsTotal]).toEqual([2, 3])
  expect(similarities.known(rows.map(({ contentHash }) => contentHash!)).toSorted()).toEqual([
    [0, 1],
    [1, 2],
  ])
  expect(await similarities.similarity([])).toEqual({ adapters: [], cosines: [], pairsKnown: 0, pairsTotal: 0 })
})

test('families and the near-duplicate mark follow the compared pairs that are still in the library', async () => {
  const { ids, similarities, put, library, names } = await pool(4)
  put(0, 1, 0.995)
  put(1, 2, 0.95)
  put(2, 3, -1)
  const near = () => names({ filters: [{ facet: 'is', values: ['near-duplicate'] }] })
  expect(near()).toEqual(['a0', 'a1'])
  expect(similarities.families(0.99).families).toEqual([{ ids: [ids[0], ids[1]], names: ['a0', 'a1'], lowest: 0.995, highest: 0.995 }])
  expect(similarities.families(0.9).families).toMatchObject([{ names: ['a0', 'a1', 'a2'], lowest: 0.95, highest: 0.995 }])
  library.adapters.remove([ids[0]!])
  expect(near()).toEqual([])
  expect(similarities.families(0.99).families).toEqual([])
})

test('equal factors are a family without having been compared', async () => {
  const { folder, take, names, library } = openBench()
  await take(makeAdapter(join(folder, 'x'), { layers: 1 }), makeAdapter(join(folder, 'y'), { layers: 1, config: { lora_dropout: 0.1 } }))
  expect(library.similarities.families(0.99).families).toMatchObject([{ names: ['x', 'y'], lowest: 1, highest: 1 }])
  expect(names({ filters: [{ facet: 'is', values: ['near-duplicate'] }] })).toEqual(['x', 'y'])
})
