import { fork, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { _electron, chromium, type Page } from 'playwright-core'
import type { FromDouble, ToDouble } from '../shell-double/control.ts'
import { chromiumFlags, findChromium } from './chromium.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The folder of the app: this repository with its bundles, or what a package holds. */
const appFolder = process.env['AMALGAM_APP_FOLDER'] ?? root
const startTimeoutMs = 60_000
const endTimeoutMs = 15_000

export interface LaunchOptions {
  /** A fresh temporary library when not given. */
  readonly libraryFolder?: string
  /** Fill an empty library with the demo pool. */
  readonly demo?: boolean
  /** Web host: folders whose contents may be imported by path. */
  readonly roots?: readonly string[]
  /** Shell double: the folder in which files dropped on the page are said to lie. */
  readonly drops?: string
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly headed?: boolean
}

/** The running app with its page. */
export interface Launched {
  readonly host: 'web' | 'double' | 'electron'
  readonly page: Page
  readonly libraryFolder: string
  /** Errors of the page and of its console, in order; a good run ends with none. */
  readonly errors: string[]
  close(): Promise<void>
}

/** The desktop app under the shell double, which also tells what happened in it and answers dialogs. */
export interface LaunchedDouble extends Launched {
  readonly records: readonly { readonly name: string; readonly details: unknown }[]
  /** The answer to the next open dialog. */
  answerDialog(paths: readonly string[]): void
}

const freshLibrary = (): string => mkdtempSync(join(tmpdir(), 'amalgam-e2e-'))

function browserPath(): string {
  const found = findChromium()
  if (found.path === null) throw new Error(found.reason)
  return found.path
}

/** The web host with its page, and the address under which other browsers may open it. */
export interface LaunchedWeb extends Launched {
  readonly address: string
}

/** Starts the web host from its bundle and opens its address in Chromium. */
export async function launchWeb(options: LaunchOptions = {}): Promise<LaunchedWeb> {
  const { libraryFolder = freshLibrary(), demo = false, roots = [], viewport = { width: 1360, height: 860 } } = options
  const words = ['--library', libraryFolder, '--json', ...(demo ? ['--demo'] : []), ...roots.flatMap((folder) => ['--root', folder])]
  const child = spawn(process.execPath, [join(appFolder, 'out/main/web.js'), ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { url } = JSON.parse(await firstLine(child)) as { url: string }
  const browser = await chromium.launch({ executablePath: browserPath(), headless: options.headed !== true, args: [...chromiumFlags] })
  const page = await browser.newPage({ viewport })
  const errors = collectErrors(page)
  await page.goto(url)
  return {
    host: 'web',
    address: url,
    page,
    libraryFolder,
    errors,
    async close() {
      await browser.close()
      await end(child, () => child.kill('SIGTERM'))
    },
  }
}

/** Starts the production bundles of the desktop app under the shell double. */
export async function launchDouble(options: LaunchOptions = {}): Promise<LaunchedDouble> {
  const { libraryFolder = freshLibrary(), demo = false, drops, viewport } = options
  const records: { name: string; details: unknown }[] = []
  const child = fork(join(appFolder, 'out/main/index.js'), ['--library', libraryFolder, ...(demo ? ['--demo'] : [])], {
    execArgv: ['--import', join(root, 'tests/shell-double/register.mjs')],
    env: {
      ...process.env,
      AMALGAM_DOUBLE_CONTROL: '1',
      ...(appFolder !== root && { AMALGAM_DOUBLE_PACKAGED: '1' }),
      AMALGAM_DOUBLE_CHROMIUM: browserPath(),
      ...(drops !== undefined && { AMALGAM_DOUBLE_DROPS: drops }),
      ...(options.headed === true && { AMALGAM_DOUBLE_HEADED: '1' }),
    },
  })
  const devTools = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the shell double did not open its window in time')), startTimeoutMs)
    child.once('exit', (code) => reject(new Error(`the shell double ended with ${code}: ${JSON.stringify(records.slice(-3))}`)))
    child.on('message', (message: FromDouble) => {
      if (message.kind === 'record') records.push(message)
      else resolve(message.devTools)
      if (message.kind === 'page') clearTimeout(timer)
    })
  })
  const browser = await chromium.connectOverCDP(devTools)
  const page = browser.contexts()[0]?.pages()[0]
  if (!page) throw new Error('the shell double has no page')
  if (viewport) await page.setViewportSize(viewport)
  const errors = collectErrors(page)
  // What went wrong while the page was loading was heard by the double only.
  for (const { name, details } of records) if (name === 'page error' || name === 'console error') errors.push(`${name}: ${String(details)}`)
  const tell = (message: ToDouble): void => void child.send(message)
  return {
    host: 'double',
    page,
    libraryFolder,
    errors,
    records,
    answerDialog: (paths) => tell({ kind: 'dialog', paths }),
    async close() {
      await end(child, () => tell({ kind: 'quit' }))
      await browser.close()
    },
  }
}

/** Starts real Electron where ELECTRON_OVERRIDE_DIST_PATH names one; otherwise the reason why it is skipped. */
export async function launchElectron(options: LaunchOptions = {}): Promise<Launched | { readonly skipped: string }> {
  const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH']
  if (!folder) return { skipped: 'real Electron is skipped: ELECTRON_OVERRIDE_DIST_PATH names none' }
  const executablePath = join(folder, process.platform === 'win32' ? 'electron.exe' : 'electron')
  if (!existsSync(executablePath)) return { skipped: `real Electron is skipped: ${executablePath} is not there` }
  const { libraryFolder = freshLibrary(), demo = false } = options
  const app = await _electron.launch({ executablePath, args: [root, '--library', libraryFolder, ...(demo ? ['--demo'] : [])] })
  const page = await app.firstWindow()
  return { host: 'electron', page, libraryFolder, errors: collectErrors(page), close: () => app.close() }
}

function collectErrors(page: Page): string[] {
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(`page error: ${String(error)}`))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`console error: ${message.text()}`)
  })
  return errors
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error('the web host did not print its address in time')), startTimeoutMs)
    child.once('exit', (code) => reject(new Error(`the web host ended with ${code}`)))
    child.stdout?.on('data', (chunk) => {
      text += String(chunk)
      if (!text.includes('\n')) return
      clearTimeout(timer)
      resolve(text.slice(0, text.indexOf('\n')))
    })
  })
}

/** Asks a process to end and waits until it has; one that does not end, or ends with an error, is an error here. */
async function end(child: ChildProcess, ask: () => void): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  ask()
  const timer = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs)
  await ended
  clearTimeout(timer)
  if (child.exitCode !== 0) throw new Error(`the app ended with ${child.signalCode ?? child.exitCode}`)
}
