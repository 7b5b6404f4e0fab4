/**
 * node tests/packaging/run.ts: packages the bundles in out/ with the product's own script and configuration, without any network, into a folder of
 * its own, and looks at what was made; the archive is then taken apart and driven under the shell double. Electron itself is a stub that
 * holds fuses and runs nothing. One line each, and a closing line "package: N passed, N failed, N skipped".
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { extractAll } from '@electron/asar'
import { packedFiles } from './archive.ts'
import { checks, type Package } from './checks.ts'
import { makeStubElectron } from './stub-electron.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const counts = { passed: 0, failed: 0, skipped: 0 }
const scratch = mkdtempSync(join(tmpdir(), 'amalgam-package-'))

function say(how: 'pass' | 'FAIL' | 'skip', text: string): void {
  counts[{ pass: 'passed', FAIL: 'failed', skip: 'skipped' }[how] as keyof typeof counts] += 1
  console.log(`${how}  ${text}`)
}

/** Nobody listens there: whatever wants to download something fails. */
const nowhere = 'http://127.0.0.1:9'
const withoutNetwork = Object.fromEntries(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ELECTRON_MIRROR', 'ELECTRON_BUILDER_BINARIES_MIRROR'].map((name) => [
    name,
    nowhere,
  ]),
)

/** What cannot be made here is refused in words before anything is built. */
function refuse(): void {
  for (const [words, expected] of [
    [['dmg'], 'On linux there is no dmg. Targets: dir, AppImage, deb.'],
    [['deb'], 'give --homepage URL and --maintainer'],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/package.ts'), ...words], { cwd: root, encoding: 'utf8' })
    const refused = status === 2 && stderr.includes(expected)
    say(refused ? 'pass' : 'FAIL', `${words.join(' ')} is refused here: ${stderr.trim()}`)
  }
}

/** Makes the package; null when it cannot be made. */
function make(): Package | null {
  const stub = join(scratch, 'electron')
  const out = join(scratch, 'dist')
  mkdirSync(stub)
  makeStubElectron(stub)
  const words = ['dir', '--built', '--electron-dist', stub, '--out', out]
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/package.ts'), ...words], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...withoutNetwork, NO_PROXY: '', no_proxy: '' },
  })
  const folder = join(out, 'linux-unpacked')
  const archive = join(folder, 'resources/app.asar')
  if (status !== 0 || !existsSync(archive)) {
    say('FAIL', `the package is made without any network: ended with ${status}\n${stdout}${stderr}`)
    return null
  }
  say('pass', 'the package is made without any network')
  return { root, folder, archive, files: packedFiles(archive) }
}

async function look(made: Package): Promise<void> {
  for (const { name, run } of checks) {
    try {
      const reason = await run(made)
      if (reason === undefined) say('pass', name)
      else say('skip', `${name}: ${reason}`)
    } catch (error) {
      say('FAIL', `${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

/** Drives what the archive holds, far from this repository's modules, as the shell double drives the repository itself. */
function drive({ archive }: Package): void {
  // Named as in a package, so that the app looks for its resources beside it.
  const app = join(scratch, 'installed/resources/app.asar')
  extractAll(archive, app)
  cpSync(`${archive}.unpacked`, `${app}.unpacked`, { recursive: true })
  // Only what lies beside the archive may be used from there.
  rmSync(join(app, 'resources'), { recursive: true })
  const { stdout } = spawnSync(process.execPath, [join(root, 'tests/e2e/run.ts'), 'walk', 'shell', 'double'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, AMALGAM_APP_FOLDER: app },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closing = /^e2e: (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(stdout)
  if (!closing) return say('FAIL', `the unpacked archive is driven under the shell double:\n${stdout}`)
  console.log(stdout.replace(/^e2e: .*$/m, '').trimEnd())
  const [passed = 0, failed = 0, skipped = 0] = closing.slice(1).map(Number)
  counts.passed += passed
  counts.failed += failed
  counts.skipped += skipped
}

try {
  if (process.platform !== 'linux') say('skip', `every check: the stub of Electron is made for Linux, and this is ${process.platform}`)
  else if (!existsSync(join(root, 'out/main/index.js'))) say('FAIL', 'the bundles are not there: run "npm run build" first')
  else {
    refuse()
    const made = make()
    if (made) {
      await look(made)
      drive(made)
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`package: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed > 0 ? 1 : 0
