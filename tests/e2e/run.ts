/**
 * node tests/e2e/run.ts [SCENARIO | HOST ...]: every scenario on every host (or those named), one line each, and a closing line
 * "e2e: N passed, N failed, N skipped". Needs the bundles in out/ and a Chromium; with CI=true a missing Chromium is a failure.
 * AMALGAM_APP_FOLDER names another folder with the app's bundles and modules, such as an unpacked package.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator } from 'playwright-core'
import { adapt } from './adapt.ts'
import { findChromium } from './chromium.ts'
import { compare } from './compare.ts'
import { evaluate } from './evaluate.ts'
import { inspect } from './inspect.ts'
import { inspectByKeyboard } from './inspect-keyboard.ts'
import { keyboard } from './keyboard.ts'
import { libraryAtWork } from './library.ts'
import { launchDouble, launchElectron, launchWeb, type Launched, type LaunchedDouble, type LaunchOptions } from './launch.ts'
import { makeLargePair, makePool } from './pool.ts'
import { makeDamagedLibrary, recovery } from './recovery.ts'
import { eventually, keepsPictures, picture } from './screen.ts'
import { checkShell } from './shell-checks.ts'
import { stop } from './stop.ts'
import { walk } from './walk.ts'

interface Place {
  readonly host: string
  /** Folder of this run's own files; dropped things must lie directly in it. */
  readonly folder: string
}
interface Scenario {
  readonly name: string
  /** The only hosts on which it means something; all when not given. */
  readonly hosts?: readonly string[]
  /** Made before the app is started. */
  prepare?(place: Place): void
  run(app: Launched, place: Place): Promise<void>
}

const scenarios: readonly Scenario[] = [
  { name: 'walk', run: (app, { host, folder }) => walk(app.page, { host, pool: makePool(join(folder, 'pool')) }) },
  { name: 'library', run: (app, { host, folder }) => libraryAtWork(app, { host, folder }) },
  { name: 'keyboard', run: (app) => keyboard(app.page) },
  {
    name: 'inspect',
    run: (app, { host, folder }) => inspect(app.page, { host, folder, nameFolder: (panel, path) => nameFolder(app, panel, path) }),
  },
  {
    name: 'inspect-keyboard',
    run: (app, { folder }) => inspectByKeyboard(app.page, folder, answersDialogs(app) ? app.answerDialog : undefined),
  },
  {
    name: 'evaluate',
    run: (app, { host, folder }) => evaluate(app.page, { host, folder, answerDialog: answersDialogs(app) ? app.answerDialog : null }),
  },
  { name: 'adapt', run: (app, { host }) => adapt(app.page, { host }) },
  { name: 'compare', run: (app, { host }) => compare(app.page, { host }) },
  {
    name: 'recovery',
    prepare: ({ folder }) => makeDamagedLibrary(join(folder, 'library')),
    run: (app, place) => recovery(app.page, place),
  },
  { name: 'shell', hosts: ['double'], run: (app) => checkShell(app as LaunchedDouble) },
  { name: 'stop', run: (app, { host, folder }) => stop(app.page, { host, folder: makeLargePair(join(folder, 'large')) }) },
]

function answersDialogs(app: Launched): app is LaunchedDouble {
  return app.host === 'double'
}

/** Names a folder in a panel: by the host's own dialog where it has one, else by typing. */
async function nameFolder(app: Launched, panel: Locator, folder: string): Promise<void> {
  const field = panel.getByRole('textbox', { name: /^Folder/ })
  if (!answersDialogs(app)) return field.fill(folder)
  app.answerDialog([folder])
  await panel.getByRole('button', { name: 'Choose' }).click()
  await eventually(() => field.inputValue(), folder)
}

type Launch = (options: LaunchOptions) => Promise<Launched | { readonly skipped: string }>
const hosts: readonly { readonly host: string; readonly launch: Launch }[] = [
  { host: 'web', launch: launchWeb },
  { host: 'double', launch: launchDouble },
  { host: 'electron', launch: launchElectron },
]

const counts = { passed: 0, failed: 0, skipped: 0 }

/** A folder of this run; where pictures are kept for the documentation, one whose path reads well in them. */
function scratchFolder(name: string): string {
  if (!keepsPictures) return mkdtempSync(join(tmpdir(), `amalgam-${name}-`))
  const folder = join(tmpdir(), 'amalgam')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  return folder
}

/** Runs one scenario on one host in a folder of its own; prints and counts how it went. */
async function runOne(scenario: Scenario, host: string, launch: Launch): Promise<void> {
  const title = `${scenario.name} (${host === 'double' ? 'shell double' : host})`
  const folder = scratchFolder(scenario.name)
  const started = Date.now()
  let app: Launched | null = null
  try {
    scenario.prepare?.({ host, folder })
    const launched = await launch({ libraryFolder: join(folder, 'library'), drops: folder, roots: [folder] })
    if ('skipped' in launched) {
      counts.skipped += 1
      console.log(`skip  ${title}: ${launched.skipped}`)
      return
    }
    app = launched
    app.page.setDefaultTimeout(15_000)
    await scenario.run(app, { host, folder })
    if (app.errors.length > 0) throw new Error(`the page reported ${app.errors.length} errors:\n${app.errors.join('\n')}`)
    counts.passed += 1
    console.log(`pass  ${title} in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  } catch (error) {
    counts.failed += 1
    console.log(`FAIL  ${title}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    if (app) {
      console.log(app.errors.length > 0 ? `      page: ${app.errors.join('\n      page: ')}` : '      the page reported no errors')
      await picture(app.page, `failed-${host}`, scenario.name).catch((reason: unknown) =>
        console.log(`      no picture: ${String(reason)}`),
      )
    }
  } finally {
    await app?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function finish(): never {
  console.log(`e2e: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  process.exit(counts.failed > 0 ? 1 : 0)
}

/** Those of `all` whose name was asked for; all of them when none was. */
function named<T>(all: readonly T[], nameOf: (item: T) => string): readonly T[] {
  const some = all.filter((item) => wanted.includes(nameOf(item)))
  return some.length === 0 ? all : some
}

const wanted = process.argv.slice(2)
const chosen = named(scenarios, ({ name }) => name)
const chosenHosts = named(hosts, ({ host }) => host)
const found = findChromium()
if (found.path === null) {
  const inContinuousIntegration = process.env['CI'] === 'true'
  counts[inContinuousIntegration ? 'failed' : 'skipped'] += chosen.length * chosenHosts.length
  console.log(`${inContinuousIntegration ? 'FAIL' : 'skip'}  every scenario: ${found.reason}`)
  finish()
}
const appFolder = process.env['AMALGAM_APP_FOLDER'] ?? fileURLToPath(new URL('../..', import.meta.url))
if (!existsSync(join(appFolder, 'out/main/web.js'))) {
  counts.failed += 1
  console.log('FAIL  the bundles are not there: run "npm run build" first')
  finish()
}
for (const { host, launch } of chosenHosts)
  for (const scenario of chosen) if (scenario.hosts?.includes(host) ?? true) await runOne(scenario, host, launch)
finish()
