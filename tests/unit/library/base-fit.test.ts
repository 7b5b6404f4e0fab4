import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fitsBase, sidesOf } from '../../../src-main/library/fit-base.ts'
import { allTargets, factorName, makeAdapter, moduleName, sides, tinyShape } from '../../helpers/adapters.ts'
import { tinyBase, tinyFacts } from './run-support.ts'
import { openBench } from './support.ts'

const modules = [0, 1].flatMap((layer) =>
  allTargets.map((kind) => {
    const [input, output] = sides(kind, tinyShape)
    return { name: moduleName(layer, kind), in: input, out: output }
  }),
)

test('the linear layers of a base model follow from its sides', () => {
  for (const { name, in: input, out } of modules) expect(sidesOf(tinyFacts, name)).toEqual({ in: input, out })
  // With heads that are wider together than the hidden size, as in Qwen3.
  const wide = { ...tinyFacts, headDim: 8 }
  expect(sidesOf(wide, moduleName(0, 'q_proj'))).toEqual({ in: 16, out: 32 })
  expect(sidesOf(wide, moduleName(0, 'k_proj'))).toEqual({ in: 16, out: 16 })
  expect(sidesOf(wide, moduleName(0, 'o_proj'))).toEqual({ in: 32, out: 16 })
  for (const name of ['model.layers.2.mlp.up_proj', 'lm_head', 'model.embed_tokens', 'model.layers.x.mlp.up_proj', 'layers.0.mlp.up_proj'])
    expect(sidesOf(tinyFacts, name)).toBeNull()
})

test('an adapter fits, or the first other module and both shapes are named', () => {
  expect(fitsBase(modules, tinyFacts)).toBeNull()
  expect(fitsBase(modules.slice(3, 4), tinyFacts)).toBeNull()
  expect(fitsBase([], tinyFacts)).toBe('It has no target modules.')
  expect(fitsBase(modules.slice(0, 2), { ...tinyFacts, hidden: 32 })).toBe(
    'Its module model.layers.0.self_attn.q_proj is for 16 x 16; the base model has 16 x 32 there, and 1 more of its 2 modules differ.',
  )
  expect(fitsBase([{ name: 'lm_head', in: 16, out: 40 }], tinyFacts)).toBe(
    'Its module lm_head is for 40 x 16; the base model has no such linear layer.',
  )
})

test('adapters of the library are counted and matched by their modules', async () => {
  const { folder, library, take } = openBench()
  const { bases, adapters } = library
  const add = (name: string, options: Parameters<typeof makeAdapter>[1]) => take(makeAdapter(join(folder, name), options))
  await add('both', { seed: 1 })
  await add('other rank', { seed: 2, r: 2 })
  await add('attention', { seed: 3, targets: ['q_proj', 'v_proj'] })
  await add('deep', { seed: 4, layers: 3 })
  await add('wide', { seed: 5, shape: { ...tinyShape, hidden: 20 } })
  await add('dora', { seed: 6, config: { use_dora: true } })
  const { id } = bases.add(tinyBase())
  // Nothing is known before adapters were looked at.
  expect(bases.get(id)!.adapters).toBe(0)
  await bases.readShapes()
  expect(bases.get(id)!.adapters).toBe(3)
  const matches = bases.matches(id)
  if ('code' in matches) throw new Error(matches.message)
  expect(matches.fitting.map(({ name }) => name)).toEqual(['attention', 'both', 'other rank'])
  expect(matches.others.map(({ name, reason }) => [name, reason])).toEqual([
    ['deep', expect.stringContaining('model.layers.2.self_attn.q_proj is for 16 x 16; the base model has no such linear layer')],
    ['dora', expect.stringContaining('DoRA')],
    ['wide', expect.stringContaining('is for 20 x 20; the base model has 16 x 16 there')],
  ])

  // Adapters that go and files that change are followed.
  const both = adapters.find('both')
  adapters.remove(['code' in both ? '' : both.id])
  const broken = join(folder, 'broken')
  await take(makeAdapter(broken, { seed: 7, layers: 3, edit: (tensors) => void tensors.delete(factorName(moduleName(2, 'q_proj'), 'B')) }))
  await bases.readShapes()
  expect(bases.list().map((base) => base.adapters)).toEqual([2])
  expect(bases.matches(id)).toMatchObject({ others: [{ name: 'broken', reason: expect.stringContaining('refused') }, {}, {}, {}] })
  await take(makeAdapter(broken, { seed: 7 }))
  expect(adapters.find('broken')).toHaveProperty('id')
  await bases.readShapes()
  expect(bases.list().map((base) => base.adapters)).toEqual([3])
  expect(bases.matches('nobody')).toMatchObject({ code: 'base-unknown' })
})
