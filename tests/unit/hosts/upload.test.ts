import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeEach, expect, test } from 'vitest'
import type { ProblemCode } from '../../../src-main/contract/problems.ts'
import { createInbox } from '../../../src-main/host/upload.ts'

let folder: string
const body = (text: string): Readable => Readable.from([Buffer.from(text)])
const refusal = (code: ProblemCode) => expect.objectContaining({ problems: [expect.objectContaining({ code }) as unknown] }) as unknown

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'amalgam-inbox-')), 'inbox')
})

test('files of a drop keep their folders', async () => {
  const inbox = createInbox(folder)
  expect(await inbox.receive('d1', 'pool/a/adapter_config.json', body('{}'))).toBe(join(folder, 'd1'))
  await inbox.receive('d1', 'pool/b.safetensors', body('bytes'))
  expect(readFileSync(join(folder, 'd1/pool/a/adapter_config.json'), 'utf8')).toBe('{}')
  expect(readFileSync(join(folder, 'd1/pool/b.safetensors'), 'utf8')).toBe('bytes')
})

test.each([
  '../x',
  'a/../../x',
  '/etc/x',
  'a//b',
  './a',
  'a/.',
  '',
  'a\\..\\x',
  'C:x',
  'a\0b',
  'a\nb',
  'x'.repeat(1001),
  'a/'.repeat(24) + 'b',
])('the path %j is refused and nothing is written', async (path) => {
  await expect(createInbox(folder).receive('d1', path, body('x'))).rejects.toEqual(refusal('path-not-allowed'))
  expect(existsSync(folder)).toBe(false)
})

test.each(['', '..', 'a/b', 'a.b', 'x'.repeat(65)])('the drop name %j is refused', async (drop) => {
  await expect(createInbox(folder).receive(drop, 'a', body('x'))).rejects.toEqual(refusal('request-invalid'))
})

test('a link inside the inbox is not followed out of it', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'amalgam-elsewhere-'))
  mkdirSync(folder, { recursive: true })
  symlinkSync(elsewhere, join(folder, 'd1'))
  await expect(createInbox(folder).receive('d1', 'a', body('x'))).rejects.toEqual(refusal('path-not-allowed'))
  expect(readdirSync(elsewhere)).toEqual([])
})

test('a file that is there is not replaced', async () => {
  const inbox = createInbox(folder)
  await inbox.receive('d1', 'a', body('first'))
  await expect(inbox.receive('d1', 'a', body('second'))).rejects.toEqual(refusal('output-exists'))
  expect(readFileSync(join(folder, 'd1/a'), 'utf8')).toBe('first')
})

test('a file or a drop over its limit is refused and its file removed', async () => {
  const inbox = createInbox(folder, { fileBytes: 10, dropBytes: 15 })
  await expect(inbox.receive('d1', 'big', body('12345678901'))).rejects.toEqual(refusal('request-invalid'))
  expect(readdirSync(join(folder, 'd1'))).toEqual([])
  await inbox.receive('d2', 'a', body('1234567890'))
  await expect(inbox.receive('d2', 'b', body('123456'))).rejects.toEqual(refusal('request-invalid'))
  expect(readdirSync(join(folder, 'd2'))).toEqual(['a'])
})

test('a broken connection leaves no half file', async () => {
  const broken = Readable.from(
    (function* () {
      yield Buffer.from('half')
      throw new Error('connection lost')
    })(),
  )
  await expect(createInbox(folder).receive('d1', 'a', broken)).rejects.toThrow('connection lost')
  expect(readdirSync(join(folder, 'd1'))).toEqual([])
})
