import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { startWebHost } from '../../../src-main/host/web.ts'

/** A folder that looks like the built app. */
function builtApp(): string {
  const root = mkdtempSync(join(tmpdir(), 'amalgam-app-'))
  mkdirSync(join(root, 'out/renderer'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{ "version": "9.8.7" }')
  writeFileSync(join(root, 'out/renderer/index.html'), '<!doctype html>')
  return root
}

const options = (codeFolder: string) => ({
  codeFolder,
  libraryFolder: join(mkdtempSync(join(tmpdir(), 'amalgam-library-')), 'new'),
  roots: [],
  port: 0,
  demo: false,
  echo: () => undefined,
})

const problemsOf = async (work: Promise<unknown>) =>
  work.then(
    () => [],
    (error: unknown) => (error instanceof Refusal ? error.problems.map(({ code, hint }) => ({ code, hint })) : [error]),
  )

test('the whole app answers over the socket', async () => {
  const used = options(builtApp())
  const host = await startWebHost(used)
  const { origin, hash, host: place } = new URL(host.url)
  const socket = new WebSocket(`ws://${place}/socket`, { headers: { origin } })
  const replies: unknown[] = []
  socket.on('message', (data) => replies.push(JSON.parse(String(data))))
  socket.on('open', () => {
    socket.send(JSON.stringify({ token: hash.slice('#t='.length) }))
    socket.send(JSON.stringify({ id: 1, name: 'app.info', input: {} }))
    socket.send(JSON.stringify({ id: 2, name: 'library.import', input: { paths: ['/etc'] } }))
  })
  await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(3)
  expect(replies).toContainEqual({ ready: true })
  expect(replies).toContainEqual({
    id: 1,
    reply: {
      ok: true,
      value: expect.objectContaining({
        version: '9.8.7',
        host: 'web',
        libraryFolder: used.libraryFolder,
        canPick: false,
        demoAvailable: false,
      }) as unknown,
    },
  })
  expect(replies).toContainEqual({
    id: 2,
    reply: { ok: false, problems: [expect.objectContaining({ code: 'path-not-allowed', where: { path: '/etc' } })] as unknown },
  })
  await host.close()
})

test('one host at a time serves a library', async () => {
  const used = options(builtApp())
  const first = await startWebHost(used)
  expect(await problemsOf(startWebHost(used))).toEqual([{ code: 'library-in-use', hint: expect.stringContaining('close it first') }])
  await first.close()
  await (await startWebHost(used)).close()
})

test('a window that is not built is a problem that says what to run', async () => {
  const root = mkdtempSync(join(tmpdir(), 'amalgam-app-'))
  writeFileSync(join(root, 'package.json'), '{ "version": "1.0.0" }')
  expect(await problemsOf(startWebHost(options(root)))).toEqual([{ code: 'file-missing', hint: 'Run "npm run build" once.' }])
})

test('a port that is taken is a problem', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  expect(await problemsOf(startWebHost({ ...options(builtApp()), port }))).toMatchObject([{ code: 'request-invalid' }])
  await new Promise((resolve) => other.close(resolve))
})

test('a library that cannot be opened is a problem, and nothing stays open', async () => {
  const used = options(builtApp())
  mkdirSync(join(used.libraryFolder, 'library.sqlite'), { recursive: true })
  expect(await problemsOf(startWebHost(used))).toMatchObject([{ code: 'library-unreadable' }])
})
