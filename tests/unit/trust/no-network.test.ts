/** Nothing of the app can speak to anybody: every use of the network in its sources is in this list, and all of them stay on the machine. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { networkUses } from '../../trust/network-uses.ts'

const root = join(import.meta.dirname, '../../..')

test('the sources use the network for the loopback server and for the page it serves, and for nothing else', () => {
  const files = globSync('src-{main,renderer}/**/*.{ts,svelte}', { cwd: root })
  expect(files.length).toBeGreaterThan(200)
  const uses = files.flatMap((file) =>
    networkUses(readFileSync(join(root, file), 'utf8')).map((use) => `${file.replaceAll('\\', '/')}: ${use}`),
  )
  expect(uses.sort()).toEqual([
    // The server listens on 127.0.0.1; what connects to it is checked (tests/unit/hosts/web-server.test.ts).
    'src-main/host/web-server.ts: node:http',
    'src-main/host/web-server.ts: ws',
    // The page speaks to where it came from; the content security policy allows nothing else.
    'src-renderer/state/web-wire.ts: WebSocket',
    'src-renderer/state/web-wire.ts: fetch',
  ])
  expect(readFileSync(join(root, 'src-main/host/web-server.ts'), 'utf8')).toMatch(
    /const loopback = '127\.0\.0\.1'[^]*\.listen\(port, loopback,/,
  )
})

test('a use of the network would be noticed', () => {
  const text = `import { request } from 'node:https'
import { lookup } from "dns/promises"
import type { Socket } from 'node:net'
const net = await import('node:tls')
void fetch('http://example.org'); new EventSource('/x'); navigator.sendBeacon('/y'); require('http2')`
  expect(networkUses(text)).toEqual(['EventSource', 'dns/promises', 'fetch', 'http2', 'node:https', 'node:tls', 'sendBeacon'])
})
