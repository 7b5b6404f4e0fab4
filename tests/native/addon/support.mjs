// What the tests of the addon share.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const releaseDir = path.join(here, '..', '..', '..', 'native', 'build', 'Release')

export const productFile = path.join(releaseDir, 'amalgam.node')
/** The addon with jobs made for tests: echo, spin, flood, fail. */
export const testFile = path.join(releaseDir, 'amalgam_test.node')
export const cudaFile = path.join(releaseDir, 'libamalgam_cuda.so')
export const engineCli = path.join(releaseDir, 'engine_cli')

export const load = (file) => createRequire(import.meta.url)(file)

/** Starts a job; `reports` fills with its progress. */
export function start(addon, kind, request, onReport = () => {}) {
  const reports = []
  const job = addon.startJob(kind, JSON.stringify(request), (json) => {
    const report = JSON.parse(json)
    reports.push(report)
    onReport(report)
  })
  return { ...job, reports }
}

/** Every Node on this machine, one per major version: this one, and those on the PATH. */
export function nodes() {
  const found = new Map([[process.versions.node.split('.')[0], process.execPath]])
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'node')
    if (!folder || !existsSync(file)) continue
    const major = execFileSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' }).split('.')[0]
    if (!found.has(major)) found.set(major, file)
  }
  return [...found].map(([major, file]) => ({ major, file }))
}

/** Runs a script text in a fresh Node; returns { code, signal, stdout, stderr }. */
export function runScript(node, script, args = []) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, ['-e', script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}
