/**
 * npm run package [-- TARGET...]: builds the bundles and packages them with what electron-builder.yml says. Targets are those of this platform,
 * because the native core is built for the machine it is built on; "dir" makes the unpacked app only. Options:
 *   --electron-dist DIR   an Electron distribution (folder or zip) instead of the one that is downloaded
 *   --out DIR             where packages go (dist)
 *   --homepage URL        a Debian package must name one
 *   --maintainer TEXT     and a person, "Name <mail address>"
 *   --built               take the bundles in out/ as they are
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const addon = join(root, 'native/build/Release/amalgam.node')
const reasonFile = join(root, 'native/build/reason.json')

/** What can be made on each platform, and how electron-builder calls the platform. */
const platforms: Readonly<Record<string, { readonly flag: string; readonly targets: readonly string[] }>> = {
  linux: { flag: '--linux', targets: ['AppImage', 'deb'] },
  darwin: { flag: '--mac', targets: ['dmg'] },
  win32: { flag: '--win', targets: ['nsis'] },
}

function fail(message: string, exitCode: number): never {
  console.error(message)
  process.exit(exitCode)
}

/** Runs a script of a package with this Node, and ends with its exit code when it fails. */
function run(script: string, words: readonly string[]): void {
  const { status, error } = spawnSync(process.execPath, [join(root, script), ...words], {
    cwd: root,
    stdio: 'inherit',
    // electron-builder would ask whether there is a newer one.
    env: { ...process.env, NO_UPDATE_NOTIFIER: '1' },
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'electron-dist': { type: 'string' },
    out: { type: 'string', default: 'dist' },
    homepage: { type: 'string' },
    maintainer: { type: 'string' },
    built: { type: 'boolean', default: false },
  },
})
const platform = platforms[process.platform]
if (!platform) fail(`Nothing can be packaged on ${process.platform}.`, 2)
const targets = positionals.length > 0 ? positionals : platform.targets
const foreign = targets.filter((target) => target !== 'dir' && !platform.targets.includes(target))
if (foreign.length > 0) fail(`On ${process.platform} there is no ${foreign.join(', ')}. Targets: dir, ${platform.targets.join(', ')}.`, 2)
if (targets.includes('deb') && (values.homepage === undefined || values.maintainer === undefined))
  fail('A Debian package names a homepage and a maintainer: give --homepage URL and --maintainer "Name <mail address>".', 2)
if (!existsSync(addon)) {
  const reason = existsSync(reasonFile) ? (JSON.parse(readFileSync(reasonFile, 'utf8')) as { reason: string }).reason : 'it was never built'
  fail(`The native core is not built, and a package without it merges nothing: ${reason}. Run: npm rebuild @amalgam/native`, 1)
}

run('scripts/licences.mjs', ['--check'])
if (!values.built) run('node_modules/electron-vite/bin/electron-vite.js', ['build', '--logLevel', 'warn'])
run('node_modules/electron-builder/cli.js', [
  platform.flag,
  ...targets,
  ...['--publish', 'never', `-c.directories.output=${values.out}`],
  ...(values['electron-dist'] === undefined ? [] : [`-c.electronDist=${values['electron-dist']}`]),
  ...(values.homepage === undefined ? [] : [`-c.extraMetadata.homepage=${values.homepage}`]),
  ...(values.maintainer === undefined ? [] : [`-c.linux.maintainer=${values.maintainer}`]),
])
