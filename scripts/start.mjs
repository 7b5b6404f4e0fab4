/**
 * npm start: opens the window on the library, filled with the demo pool while it is empty. Where no Electron binary or no display can be had it
 * says so in one line and serves the same app on 127.0.0.1. Builds first when the sources are newer than what is built.
 *   npm start -- [--library DIR] [--web] [--port PORT] [--root DIR]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findNode, root, runNode } from './run-node.mjs'

const node = findNode()
const given = process.argv.slice(2)
const electronFolder = join(root, 'node_modules', 'electron')
/** An Electron that ends with an error this soon never showed its window, in milliseconds. */
const startTimeMs = 15_000

build()
const electron = findElectron()
if (electron.path) openWindow(electron.path)
else serve(electron.reason)

function build() {
  const sources = ['src-main', 'src-renderer', 'electron.vite.config.ts', 'package.json'].map((name) => newest(join(root, name)))
  const built = ['main/index.js', 'main/web.js', 'preload/preload.cjs', 'renderer/index.html'].map((name) =>
    changedAt(join(root, 'out', name)),
  )
  if (Math.min(...built) > Math.max(...sources)) return
  console.error('Building the window (once, and after changes)...')
  const { status } = spawnSync(node, [join(root, 'node_modules/electron-vite/bin/electron-vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) process.exit(status ?? 3)
}

/** When the newest file at or below `path` was changed, in milliseconds. */
function newest(path) {
  if (!statSync(path).isDirectory()) return changedAt(path)
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function changedAt(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}

/** The Electron binary, or why the window cannot be opened. The binary is not part of the npm package: it is fetched once, when it is needed. */
function findElectron() {
  if (given.includes('--web')) return { reason: 'The browser was asked for.' }
  const hasDisplay = process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
  if (!hasDisplay) return { reason: 'There is no display (DISPLAY and WAYLAND_DISPLAY are not set).' }
  const present = electronBinary()
  if (present) return { path: present }
  console.error('Fetching the Electron binary (once)...')
  const { status, stderr } = spawnSync(node, [join(electronFolder, 'install.js')], { encoding: 'utf8', timeout: 300_000 })
  const fetched = status === 0 ? electronBinary() : null
  if (fetched) return { path: fetched }
  const reason = /(?:Error: )(.*)/.exec(stderr ?? '')?.[1] ?? `its installer ended with ${status}`
  return { reason: `There is no Electron binary, and it could not be fetched (${reason.trim()}).` }
}

function electronBinary() {
  const pathFile = join(electronFolder, 'path.txt')
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8').trim() : 'electron'
  const path = join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(electronFolder, 'dist'), name)
  return existsSync(path) ? path : null
}

function openWindow(path) {
  const startedAt = Date.now()
  const child = spawn(path, [root, '--demo', ...given], { stdio: 'inherit' })
  let ended = false
  const end = (reason, code) => {
    if (ended) return
    ended = true
    if (code !== 0 && Date.now() - startedAt < startTimeMs) serve(`Electron did not start (${reason}).`)
    else process.exit(code)
  }
  child.on('error', (error) => end(error.message, 3))
  child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`, code ?? 3))
}

function serve(reason) {
  console.error(`${reason} Serving Amalgam for a browser on this machine instead; Ctrl+C ends it.`)
  runNode([join(root, 'out/main/web.js'), '--demo', ...given.filter((word) => word !== '--web')])
}
