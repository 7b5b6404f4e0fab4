import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { answerStatic, contentSecurityPolicy } from '../../../src-main/host/static-files.ts'

let folder: string

beforeAll(() => {
  const parent = mkdtempSync(join(tmpdir(), 'amalgam-static-'))
  folder = join(parent, 'renderer')
  mkdirSync(join(folder, 'assets'), { recursive: true })
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'assets', 'index.js'), 'export {}')
  writeFileSync(join(folder, 'notes.txt'), 'not part of the window')
  writeFileSync(join(parent, 'secret.json'), '{}')
})

/** The answer to a path exactly as a client may write it, without the tidying that URL does. */
const ask = (path: string, method = 'GET'): Promise<Response> => answerStatic(folder, new Request(`app://amalgam${path}`, { method }))

test.each([
  ['/', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/index.html', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/assets/index.js?v=1', 'text/javascript; charset=utf-8', 'export {}'],
])('%s is served with its type and the security headers', async (path, type, text) => {
  const response = await ask(path)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toEqual({
    'content-type': type,
    'content-length': String(text.length),
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  })
  expect(await response.text()).toBe(text)
})

test.each([
  '/../secret.json',
  '/%2e%2e/secret.json',
  '/..%2fsecret.json',
  '/%2e%2e%2fsecret.json',
  '/assets/..%2f..%2fsecret.json',
  '/..%5csecret.json',
  '/%00',
  '/%E0%A4%A',
])('%s does not leave the folder', async (path) => {
  const response = await ask(path)
  expect([403, 404]).toContain(response.status)
  expect(await response.text()).toBe('')
})

test.each(['/..%2fsecret.json', '/assets/..%2f..%2fsecret.json', '/..%5csecret.json', '/%00', '/%E0%A4%A'])(
  '%s is forbidden',
  async (path) => {
    expect((await ask(path)).status).toBe(403)
  },
)

test.each(['/missing.js', '/notes.txt', '/assets', '/assets/', '/index.html/x.js'])('%s is not found', async (path) => {
  expect((await ask(path)).status).toBe(404)
})

test('HEAD has headers and no body; other methods are not allowed', async () => {
  const head = await ask('/index.html', 'HEAD')
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '15', ''])
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await ask('/index.html', method)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  }
})

test('only what is named may be connected to', () => {
  expect(contentSecurityPolicy(['ws://127.0.0.1:5'])).toContain("connect-src 'self' ws://127.0.0.1:5;")
})
