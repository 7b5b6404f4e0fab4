/**
 * Collects the licence texts of everything that ships (production dependencies, and what the bundler puts into the renderer) into
 * resources/licenses/THIRD-PARTY.txt. `--check` fails when the file is out of date.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'resources/licenses/THIRD-PARTY.txt')
/** Development dependencies whose code is bundled into the renderer, with what they pull in. */
const bundled = ['svelte', 'bits-ui', '@tanstack/virtual-core', 'd3-scale', 'd3-array', 'd3-shape']

const manifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

function folderOf(name, from) {
  for (let folder = from; folder.length >= root.length - 1; folder = join(folder, '..')) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return candidate
  }
  return undefined
}

function collect(names, from, found) {
  for (const name of names) {
    const folder = folderOf(name, from)
    if (!folder || found.has(folder) || name.startsWith('@amalgam/')) continue
    found.set(folder, manifest(folder))
    collect(Object.keys(found.get(folder).dependencies ?? {}), folder, found)
  }
}

function entry(folder, facts) {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name))
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence text not in the package; SPDX: ${facts.license}`
  return `${facts.name} ${facts.version} (${facts.license})\n\n${text.replaceAll('\r\n', '\n')}`
}

const found = new Map()
const own = manifest(root)
collect(Object.keys(own.dependencies), root, found)
collect(Object.keys(manifest(join(root, 'native')).dependencies), join(root, 'native'), found)
collect(bundled, root, found)

const entries = [...found].map(([folder, facts]) => entry(folder, facts)).sort((a, b) => (a < b ? -1 : 1))
const text = [
  'Amalgam contains or is built with these works. Electron and Chromium carry their own notices in the packaged application.',
  ...entries,
].join(`\n\n${'-'.repeat(80)}\n\n`)

if (process.argv.includes('--check')) {
  const current = existsSync(target) ? readFileSync(target, 'utf8') : ''
  if (current !== `${text}\n`) {
    console.error('resources/licenses/THIRD-PARTY.txt is out of date: run `node scripts/licences.mjs`.')
    process.exit(1)
  }
} else {
  mkdirSync(join(root, 'resources/licenses'), { recursive: true })
  writeFileSync(target, `${text}\n`)
  console.log(`${entries.length} works`)
}
