import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contentHashOf, hashFile } from '../../../src-main/library/hash-file.ts'
import type { FileHashes } from '../../../src-main/library/hash-cache.ts'
import { stampOf } from '../../../src-main/library/read-file.ts'
import { makeAdapter, tinyTensors, type TestTensors, type TinyAdapter } from '../../helpers/adapters.ts'
import { temporaryFolder } from './support.ts'

const go = () => false

function pathOf(options: TinyAdapter = {}): string {
  return join(makeAdapter(temporaryFolder(), options), 'adapter_model.safetensors')
}
const stampAt = (path: string) => stampOf(statSync(path, { bigint: true }))
const hash = (path: string) =>
  ({
    weightsSha256: hashFile(path, stampAt(path), 'whole', go),
    tensorHash: hashFile(path, stampAt(path), 'factors', go),
  }) as FileHashes

/** CONTRACT.md, "Identity": sorted (name, dtype, shape, bytes) of the factors. */
function expectedTensorHash(tensors: TestTensors): string {
  const all = createHash('sha256')
  for (const [name, { shape, data }] of [...tensors].sort(([left], [right]) => (left < right ? -1 : 1))) {
    all.update(`${name}\0F32\0${shape.join(',')}\0`)
    all.update(Buffer.from(Float32Array.from(data).buffer))
  }
  return all.digest('hex')
}

test('the weights file and its factors are hashed by definition', () => {
  const path = pathOf({ seed: 3 })
  expect(hash(path)).toEqual({
    weightsSha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    tensorHash: expectedTensorHash(tinyTensors({ seed: 3 })),
  })
})

test('the tensor hash knows neither the order in the file nor what lies beside the factors', () => {
  const one = hash(pathOf({ edit: (tensors) => new Map([...tensors].sort()) }))
  const other = hash(
    pathOf({
      edit: (tensors) => {
        const head = { dtype: 'F32', shape: [500, 700], data: new Float32Array(350_000).fill(1) } as const
        const reversed = [...tensors].reverse()
        return new Map([...reversed.slice(0, 9), ['base_model.model.lm_head.weight', head], ...reversed.slice(9)])
      },
    }),
  )
  expect(other.tensorHash).toBe(one.tensorHash)
  expect(other.weightsSha256).not.toBe(one.weightsSha256)
})

test('factors longer than a chunk are hashed whole', () => {
  const options: TinyAdapter = { targets: ['q_proj'], layers: 1, r: 64, shape: { hidden: 9000, intermediate: 1, keyValue: 1 } }
  expect(hash(pathOf(options)).tensorHash).toBe(expectedTensorHash(tinyTensors(options)))
})

test('a value, a name and a shape each change the tensor hash', () => {
  const plain = hash(pathOf({ targets: ['q_proj'] })).tensorHash
  const others = [
    hash(pathOf({ targets: ['q_proj'], seed: 2 })).tensorHash,
    hash(
      pathOf({
        targets: ['q_proj'],
        edit: (tensors) => new Map([...tensors].map(([name, tensor]) => [name.replace('layers', 'blocks'), tensor])),
      }),
    ).tensorHash,
    hash(pathOf({ targets: ['q_proj'], edit: (tensors) => new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, shape: [...tensor.shape].reverse() }])) })).tensorHash, // prettier-ignore
  ]
  expect(new Set([plain, ...others]).size).toBe(4)
})

test('the content hash binds weights and config', () => {
  expect(contentHashOf('ab', '{"r":4}')).toBe(createHash('sha256').update('ab{"r":4}').digest('hex'))
})

test('a file with another stamp has changed, and hashing can be stopped', () => {
  const path = pathOf()
  for (const part of ['whole', 'factors'] as const) {
    expect(hashFile(path, '1:2:3', part, go)).toMatchObject({ code: 'file-changed', where: { path } })
    expect(hashFile(path, stampAt(path), part, () => true)).toBeNull()
    expect(hashFile(join(path, 'x'), '', part, go)).toMatchObject({ code: 'file-unreadable' })
  }
})
