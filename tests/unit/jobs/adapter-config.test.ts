import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AdapterDetail } from '../../../src-main/contract/adapter.ts'
import { adapterConfig } from '../../../src-main/jobs/adapter-config.ts'
import { folderName } from '../../../src-main/jobs/output-folder.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { moduleName } from '../../helpers/adapters.ts'
import { makePool, type Pool } from '../recipes/pool.ts'

let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('wide', { targets: ['q_proj', 'v_proj'], layers: 2 })
  pool.add('short', { targets: ['q_proj', 'up_proj'], layers: 1, config: { layers_to_transform: [0] } })
  pool.add('full', { targets: ['k_proj'], layers: 1, config: { target_modules: ['model.layers.0.self_attn.k_proj'] } })
  pool.add('all', { targets: ['o_proj'], layers: 1, config: { target_modules: 'all-linear' } })
  pool.add('conv', { targets: ['q_proj'], layers: 1, config: { fan_in_fan_out: true, base_model_name_or_path: null, task_type: null } })
})
afterAll(() => pool.close())

function configOf(...names: readonly string[]): Readonly<Record<string, unknown>> {
  const { job, adapters } = resolveDraft({ method: 'concat', adapters: names.map((adapter) => ({ adapter })) }, pool, { device: 'cpu' })
  return JSON.parse(adapterConfig(job!, adapters)) as Record<string, unknown>
}

test('a kind that a source targeted by its name, with all its modules, stays a kind', () => {
  expect(configOf('wide')['target_modules']).toEqual(['q_proj', 'v_proj'])
})

test('modules of sources that were limited, or named otherwise, are named in full', () => {
  expect(configOf('short')['target_modules']).toEqual([moduleName(0, 'up_proj'), moduleName(0, 'q_proj')])
  expect(configOf('full')['target_modules']).toEqual([moduleName(0, 'k_proj')])
  expect(configOf('all')['target_modules']).toEqual([moduleName(0, 'o_proj')])
})

test('one source that covers a kind is enough', () => {
  expect(configOf('short', 'wide')['target_modules']).toEqual([moduleName(0, 'up_proj'), 'q_proj', 'v_proj'])
})

test('transposed bases are passed on, and names come from the sources that have one', () => {
  expect(configOf('conv')).toMatchObject({ fan_in_fan_out: true, base_model_name_or_path: null, task_type: null })
  expect(configOf('conv', 'wide')).toMatchObject({ base_model_name_or_path: 'test/tiny-llama', task_type: 'CAUSAL_LM' })
})

test('a source without a readable config is no obstacle', () => {
  const { job, adapters } = resolveDraft({ method: 'concat', adapters: [{ adapter: 'wide' }] }, pool, { device: 'cpu' })
  const silent: AdapterDetail = { ...adapters[0]!, config: null }
  expect(JSON.parse(adapterConfig(job!, [silent]))).toMatchObject({
    r: 4,
    target_modules: [0, 1].flatMap((layer) => [moduleName(layer, 'q_proj'), moduleName(layer, 'v_proj')]),
  })
})

test.each([
  ['my merge', 'my-merge'],
  ['', 'merged-adapter'],
  ['...', 'merged-adapter'],
  ['../../etc/passwd', 'etc-passwd'],
  ['CON', 'merged-CON'],
  ['nul.txt', 'merged-nul.txt'],
  ['日本', 'merged-adapter'],
  ['a'.repeat(300), 'a'.repeat(80)],
  ['crème brûlée', 'creme-brulee'],
])('%j as a folder is %s', (name, expected) => {
  expect(folderName(name)).toBe(expected)
})
