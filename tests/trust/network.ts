/** The web host and Chromium in a network namespace that has no interface but loopback, and the whole walk through the app in it. */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findChromium } from '../e2e/chromium.ts'
import { root, runProgram } from './amalgam.ts'
import { networkUses } from './network-uses.ts'

interface Skipped {
  readonly skipped: string
}

/** The words before a program that give it a namespace of its own, with nothing but loopback. */
function namespace(): readonly string[] | Skipped {
  if (process.platform !== 'linux') return { skipped: 'network namespaces are there on Linux only' }
  const flags = process.getuid?.() === 0 ? ['-n'] : ['-r', '-n']
  const words = ['unshare', ...flags, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  const probe = spawnSync(words[0]!, [...words.slice(1), 'cat', '/proc/net/dev'], { encoding: 'utf8' })
  if (probe.status !== 0) return { skipped: `no network namespace can be made here (${(probe.stderr || String(probe.error)).trim()})` }
  const interfaces = [...probe.stdout.matchAll(/^\s*([^\s:]+):/gm)].map((match) => match[1]!)
  // Some kernels give every namespace tunnels that lead nowhere; they are down.
  assert.ok(interfaces.includes('lo') && !interfaces.some((name) => /^(eth|en|wl|ww|veth|br|docker)/.test(name)), interfaces.join(' '))
  return words
}

/** Walks through the app where no packet can leave the machine. */
export async function walkWithoutNetwork(): Promise<string | Skipped> {
  const words = namespace()
  if ('skipped' in words) return words
  const browser = findChromium()
  if (browser.path === null) return { skipped: browser.reason }
  if (!existsSync(join(root, 'out/main/web.js'))) return { skipped: 'the bundles are not there: run "npm run build" first' }
  const reach = spawnSync(words[0]!, [...words.slice(1), process.execPath, '-e', "require('net').connect(80, '192.0.2.1').on('error', (e) => console.log(e.code))"], { encoding: 'utf8', timeout: 20_000 }) // prettier-ignore
  assert.match(reach.stdout, /ENETUNREACH/, 'the namespace reaches beyond this machine')
  const run = await runProgram([process.execPath, join(root, 'tests/e2e/run.ts'), 'walk', 'web'], { through: words, timeoutMs: 240_000 })
  assert.match(run.out, /^e2e: 1 passed, 0 failed, 0 skipped$/m, run.out + run.err)
  return 'every step of the walk passed'
}

/** The built main process holds one server and no client. */
export async function bundlesHoldNoClient(): Promise<string | Skipped> {
  const folder = join(root, 'out/main')
  if (!existsSync(folder)) return { skipped: 'the bundles are not there: run "npm run build" first' }
  const files = readdirSync(folder).filter((name) => name.endsWith('.js'))
  const uses = files.flatMap((name) => networkUses(readFileSync(join(folder, name), 'utf8')).map((use) => ({ name, use })))
  assert.deepEqual([...new Set(uses.map(({ use }) => use))].sort(), ['node:http', 'ws'])
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'))
  const imports = texts.flatMap((text) =>
    [...text.matchAll(/import\s*\{([^}]*)\}\s*from\s*["'](?:node:http|ws)["']/g)].map((match) => match[1]!),
  )
  const names = imports.flatMap((list) => list.split(',').map((name) => name.trim().split(/\s+as\s+/)[0]!))
  assert.deepEqual([...new Set(names)].sort(), ['WebSocketServer', 'createServer'])
  return `${files.length} modules`
}
