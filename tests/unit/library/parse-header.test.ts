import { execFileSync } from 'node:child_process'
import { ftruncateSync, openSync, closeSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createHeaderMemo } from '../../../src-main/library/header-memo.ts'
import { maxTensors, parseHeader } from '../../../src-main/library/parse-header.ts'
import { readHeader } from '../../../src-main/library/read-header.ts'
import { temporaryFolder } from './support.ts'

const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] })
const parse = (header: unknown, dataBytes: number) =>
  parseHeader(Buffer.from(typeof header === 'string' ? header : JSON.stringify(header)), dataBytes)

describe('a good header', () => {
  test('gives its tensors in its own order', () => {
    expect(parse({ __metadata__: { format: 'pt' }, b: f32([2], 0, 8), a: f32([2, 2], 8, 24) }, 24)).toEqual([
      { name: 'b', dtype: 'F32', shape: [2], begin: 0, end: 8 },
      { name: 'a', dtype: 'F32', shape: [2, 2], begin: 8, end: 24 },
    ])
  })
  test.each([
    ['tensors listed in another order than they lie', { a: f32([2], 8, 16), b: f32([2], 0, 8) }, 16],
    ['a tensor without elements at a border', { a: f32([2], 0, 8), e: f32([0, 4], 8, 8), b: f32([1], 8, 12) }, 12],
    ['a scalar', { a: f32([], 0, 4) }, 4],
    [
      'types that are never read',
      { a: { dtype: 'F4', shape: [3, 2], data_offsets: [0, 3] }, b: { dtype: 'I64', shape: [1], data_offsets: [3, 11] } },
      11,
    ],
    ['no tensors', {}, 0],
    ['trailing spaces, as writers pad', `{"a":${JSON.stringify(f32([1], 0, 4))}}      `, 4],
    ['an own key __proto__', '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4],
  ])('accepts %s', (_, header, dataBytes) => {
    expect(parse(header, dataBytes)).toBeInstanceOf(Array)
  })
})

test.each<[string, unknown, number, string]>([
  ['not starting with {', '[]', 0, 'header-not-json'],
  ['a space before {', ' {}', 0, 'header-not-json'],
  ['no JSON', '{"a":', 0, 'header-not-json'],
  ['NaN', '{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4, 'header-not-json'],
  ['metadata that is no object', { __metadata__: 3 }, 0, 'header-invalid'],
  ['metadata with numbers', { __metadata__: { format: 1 } }, 0, 'header-invalid'],
  ['a name of megabytes', { ['x'.repeat(2001)]: f32([1], 0, 4) }, 4, 'header-invalid'],
  ['an entry that is a list', { a: [] }, 0, 'header-invalid'],
  ['an entry without offsets', { a: { dtype: 'F32', shape: [1] } }, 4, 'header-invalid'],
  ['an unknown key', { a: { ...f32([1], 0, 4), device: 'cuda' } }, 4, 'header-invalid'],
  ['a dtype that is a number', { a: { ...f32([1], 0, 4), dtype: 1 } }, 4, 'header-invalid'],
  ['an unknown dtype', { a: { ...f32([1], 0, 4), dtype: 'Q4' } }, 4, 'unknown-dtype'],
  ['a dtype of the prototype', { a: { ...f32([1], 0, 4), dtype: 'toString' } }, 4, 'unknown-dtype'],
  ['a negative size', { a: f32([-1], 0, 4) }, 4, 'header-invalid'],
  ['half a size', { a: f32([1.5], 0, 6) }, 6, 'header-invalid'],
  ['a size that is a text', { a: { ...f32([1], 0, 4), shape: ['1'] } }, 4, 'header-invalid'],
  ['nine dimensions', { a: f32([1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 4) }, 4, 'header-invalid'],
  ['a product that overflows', { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, 'header-invalid'],
  ['a zero size that hides an overflow', { a: f32([0, 2 ** 40, 2 ** 40], 0, 0) }, 0, 'header-invalid'],
  ['a part of a byte', { a: { dtype: 'F4', shape: [3], data_offsets: [0, 1] } }, 1, 'header-invalid'],
  ['negative offsets', { a: f32([1], -4, 0) }, 4, 'tensor-offsets-invalid'],
  ['three offsets', { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 8] } }, 4, 'tensor-offsets-invalid'],
  ['an offset beyond whole numbers', { a: f32([1], 0, 2 ** 60) }, 4, 'tensor-offsets-invalid'],
  ['an end before the begin', { a: f32([1], 4, 0) }, 4, 'tensor-offsets-invalid'],
  ['an end beyond the file', { a: f32([2], 0, 8) }, 4, 'tensor-offsets-invalid'],
  ['bytes that do not fit the shape', { a: f32([2], 0, 4) }, 4, 'tensor-offsets-invalid'],
  ['two tensors over each other', { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12, 'tensor-overlap'],
  ['the same bytes twice', { a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4, 'tensor-overlap'],
  ['an empty tensor inside another', { a: f32([2], 0, 8), e: f32([0], 4, 4) }, 8, 'tensor-overlap'],
  ['a hole between tensors', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, 'tensor-hole'],
  ['a hole at the begin', { a: f32([1], 4, 8) }, 8, 'tensor-hole'],
  ['bytes after the last tensor', { a: f32([1], 0, 4) }, 8, 'tensor-hole'],
])('refuses %s', (_, header, dataBytes, code) => {
  expect(parse(header, dataBytes)).toMatchObject({ code, severity: 'error', hint: expect.any(String) })
})

test('refuses bytes that are no UTF-8, and names the tensor of other problems', () => {
  expect(parseHeader(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 0)).toMatchObject({ code: 'header-not-json' })
  expect(parse({ 'x.lora_A.weight': f32([2], 0, 4) }, 4)).toMatchObject({ where: { tensor: 'x.lora_A.weight' } })
})

test('refuses more tensors than the limit, which is a million', () => {
  expect(maxTensors).toBe(1_000_000)
  const three = Buffer.from(JSON.stringify({ a: f32([1], 0, 4), b: f32([1], 4, 8), c: f32([1], 8, 12) }))
  expect(parseHeader(three, 12, 3)).toHaveLength(3)
  expect(parseHeader(three, 12, 2)).toMatchObject({ code: 'too-many-tensors' })
})

describe('a file', () => {
  const write = (bytes: Buffer) => {
    const path = join(temporaryFolder(), 'adapter_model.safetensors')
    writeFileSync(path, bytes)
    return path
  }
  const withLength = (length: bigint, rest: string) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(length)
    return Buffer.concat([bytes, Buffer.from(rest)])
  }

  test.each([
    ['of 7 bytes', Buffer.alloc(7), 'file-too-small'],
    ['without bytes', Buffer.alloc(0), 'file-too-small'],
    ['whose header reaches beyond it', withLength(20n, '{}'), 'header-too-long'],
    ['whose header claims 2^63', withLength(2n ** 63n, '{}'), 'header-too-long'],
    ['with an empty header', withLength(0n, ''), 'header-not-json'],
  ])('%s is refused with its path', (_, bytes, code) => {
    const path = write(bytes)
    expect(readHeader(path)).toMatchObject({ code, where: { path } })
  })

  test('whose header is longer than 100 MB is refused without reading it', () => {
    const path = write(withLength(100_000_001n, '{}'))
    const handle = openSync(path, 'r+')
    ftruncateSync(handle, 200_000_000)
    closeSync(handle)
    expect(readHeader(path)).toMatchObject({ code: 'header-too-long' })
  })

  test('that is missing, or a folder, is unreadable and says why', () => {
    const folder = temporaryFolder()
    expect(readHeader(join(folder, 'none'))).toMatchObject({ code: 'file-unreadable', message: expect.stringContaining('does not exist') })
    expect(readHeader(folder)).toMatchObject({ code: 'file-unreadable' })
  })

  test.skipIf(process.platform === 'win32')('that is a named pipe is refused without waiting for a writer', () => {
    const path = join(temporaryFolder(), 'pipe')
    execFileSync('mkfifo', [path])
    expect(readHeader(path)).toMatchObject({ code: 'file-unreadable', message: expect.stringContaining('not a plain file') })
  })

  test('with a header longer than the first read is read whole', () => {
    const header = JSON.stringify({ __metadata__: { filler: 'x'.repeat(300_000) }, a: f32([1], 0, 4) })
    const path = write(Buffer.concat([withLength(BigInt(header.length), header), Buffer.alloc(4)]))
    expect(readHeader(path)).toMatchObject({ dataBegin: 8 + header.length, sizeBytes: 12 + header.length, tensors: [{ name: 'a' }] })
  })

  test('with a remembered header is still checked against its own length', () => {
    const header = JSON.stringify({ a: f32([1], 0, 4) })
    const memo = createHeaderMemo()
    const good = write(Buffer.concat([withLength(BigInt(header.length), header), Buffer.alloc(4)]))
    const cut = write(Buffer.concat([withLength(BigInt(header.length), header), Buffer.alloc(3)]))
    const first = readHeader(good, memo)
    expect(first).toMatchObject({ tensors: [{ name: 'a' }] })
    expect((readHeader(good, memo) as { tensors: unknown }).tensors).toBe((first as { tensors: unknown }).tensors)
    expect(readHeader(cut, memo)).toMatchObject({ code: 'tensor-offsets-invalid' })
  })
})
