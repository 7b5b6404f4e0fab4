import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createInbox } from '../../../src-main/host/upload.ts'
import { startWebServer, type WebServer } from '../../../src-main/host/web-server.ts'
import type { EventListener } from '../../../src-main/ipc/publish.ts'
import { silentLog } from '../../../src-main/platform/log.ts'

let server: WebServer
let inbox: string
let token: string
let tell: EventListener = () => undefined
const listeners = { count: 0 }

/** An app that answers every request with what it got. */
const app = {
  dispatch: async (name: string, input: unknown) => ({ ok: true as const, value: { name, input } }),
  onEvent(listener: EventListener) {
    tell = listener
    listeners.count += 1
    return () => {
      listeners.count -= 1
    }
  },
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-web-'))
  const renderer = join(folder, 'renderer')
  inbox = join(folder, 'inbox')
  mkdirSync(renderer)
  writeFileSync(join(renderer, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'secret.json'), '{}')
  server = await startWebServer({ app, inbox: createInbox(inbox), log: silentLog, renderer, port: 0 })
  token = new URL(server.url).hash.slice('#t='.length)
})
afterAll(() => server.close())

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A request exactly as written: fetch would tidy the path and set Host and Origin itself. */
function send(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const call = httpRequest({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += String(chunk)))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    call.on('error', reject)
    call.end(body)
  })
}

const origin = () => `http://127.0.0.1:${server.port}`
const upload = (path: string, headers: Record<string, string> = {}, method = 'POST') =>
  send(path, { method, headers: { origin: origin(), 'x-amalgam-token': token, ...headers }, body: 'content' })

test('the address is on the loopback, with the token where only the page sees it', () => {
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#t=[\w-]{32}$/)
})

test('the server listens on the loopback address only', async () => {
  const other = createServer()
  // Another address of the machine is still free on the same port.
  await new Promise<void>((resolve, reject) => other.once('error', reject).listen(server.port, '127.0.0.2', resolve))
  await new Promise((resolve) => other.close(resolve))
})

test('the window is served with the policy that names its own socket', async () => {
  const { status, headers, text } = await send('/')
  expect([status, text]).toEqual([200, '<!doctype html>'])
  expect(headers['content-security-policy']).toContain(`connect-src 'self' ws://127.0.0.1:${server.port} ws://localhost:${server.port};`)
  expect(headers['x-content-type-options']).toBe('nosniff')
})

test.each(['/../secret.json', '/..%2fsecret.json', '/%2e%2e/secret.json', '//../secret.json', '/%2e%2e%2fsecret.json'])(
  '%s does not leave the folder',
  async (path) => {
    const { status, text } = await send(path)
    expect([403, 404]).toContain(status)
    expect(text).toBe('')
  },
)

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('%s is not allowed for files', async (method) => {
  expect(await send('/', { method })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
})

test.each(['evil.example', 'evil.example:80', '127.0.0.1', '127.0.0.1:1'])('the host name %s is not ours', async (host) => {
  expect((await send('/', { headers: { host } })).status).toBe(403)
  expect((await upload('/upload?drop=h&path=a', { host })).status).toBe(403)
  expect(existsSync(join(inbox, 'h'))).toBe(false)
})

test('an unreadable address is answered, and the server lives on', async () => {
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(server.port, '127.0.0.1', () => {
      socket.write(`GET http://[ HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nconnection: close\r\n\r\n`)
    })
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('close', () => resolve(text))
  })
  expect(answer).toContain('400')
  expect((await send('/')).status).toBe(200)
})

test('a dropped file is stored in the inbox, and the folder of the drop answered', async () => {
  const { status, text } = await upload('/upload?drop=d1&path=pool%2Fadapter_config.json')
  expect([status, JSON.parse(text)]).toEqual([200, { folder: join(inbox, 'd1') }])
  expect(readFileSync(join(inbox, 'd1/pool/adapter_config.json'), 'utf8')).toBe('content')
})

test.each([
  ['without a token', { 'x-amalgam-token': '' }],
  ['with a wrong token', { 'x-amalgam-token': 'x'.repeat(32) }],
  ['from another page', { origin: 'http://evil.example' }],
  ['from no page', { origin: '' }],
])('an upload %s is refused and stores nothing', async (_name, headers) => {
  expect((await upload('/upload?drop=d2&path=a', headers)).status).toBe(403)
  expect(existsSync(join(inbox, 'd2'))).toBe(false)
})

test.each(['..%2F..%2Fa', '%2Fetc%2Fa', 'a%2F..%2F..%2Fb', '..%5Ca', ''])('an upload to the path %s is refused', async (path) => {
  expect((await upload(`/upload?drop=d3&path=${path}`)).status).toBe(422)
  expect(existsSync(join(inbox, 'd3'))).toBe(false)
})

test('uploads are sent by POST', async () => {
  expect(await upload('/upload?drop=d4&path=a', {}, 'PUT')).toMatchObject({ status: 405, headers: { allow: 'POST' } })
})

interface Opened {
  readonly socket: WebSocket
  next(): Promise<unknown>
  readonly closed: Promise<number>
}

function open(path: string, headers: Record<string, string> = { origin: origin() }): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers })
    const waiting: ((value: unknown) => void)[] = []
    const messages: unknown[] = []
    socket.on('message', (data) => {
      const value: unknown = JSON.parse(String(data))
      const first = waiting.shift()
      if (first) first(value)
      else messages.push(value)
    })
    const closed = new Promise<number>((done) => socket.on('close', (code) => done(code)))
    const next = () => (messages.length > 0 ? Promise.resolve(messages.shift()) : new Promise((done) => waiting.push(done)))
    socket.on('open', () => resolve({ socket, next, closed }))
    socket.on('error', reject)
  })
}

test('a socket with the token gets replies and events until it closes', async () => {
  const { socket, next, closed } = await open('/socket')
  socket.send(JSON.stringify({ token }))
  expect(await next()).toEqual({ ready: true })
  socket.send(JSON.stringify({ id: 7, name: 'app.info', input: { a: 1 } }))
  expect(await next()).toEqual({ id: 7, reply: { ok: true, value: { name: 'app.info', input: { a: 1 } } } })
  tell('job.removed', { id: 'j' })
  expect(await next()).toEqual({ event: 'job.removed', payload: { id: 'j' } })
  expect(listeners.count).toBe(1)
  socket.close()
  await closed
  await expect.poll(() => listeners.count).toBe(0)
})

test.each([
  ['a wrong token', JSON.stringify({ token: 'x' })],
  ['no token', JSON.stringify({ id: 1, name: 'app.info', input: {} })],
  ['a token of another kind', JSON.stringify({ token: { length: 32 } })],
  ['something that is not JSON', '{'],
  ['a value that is not an object', '5'],
])('a socket that begins with %s is closed for good', async (_name, message) => {
  const { socket, closed } = await open('/socket')
  socket.send(message)
  expect(await closed).toBe(1008)
  expect(listeners.count).toBe(0)
})

test.each([
  ['another page', '/socket', { origin: 'http://evil.example' }],
  ['no page', '/socket', {}],
  ['another host name', '/socket', { origin: 'http://127.0.0.1', host: 'evil.example' }],
  ['another path', '/other', undefined],
])('a socket from %s is refused before it opens', async (_name, path, headers) => {
  await expect(open(path, headers ?? { origin: origin() })).rejects.toThrow('403')
})
