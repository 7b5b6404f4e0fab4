import type * as Electron from 'electron'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Frame, type Page, type Request as PageRequest, type Route } from 'playwright-core'
import { chromiumFlags, findChromium } from '../e2e/chromium.ts'
import { record, tell } from './control.ts'
import { runPreload } from './page-side.ts'
import { refuseInsecure } from './refuse-insecure.ts'
import { handlers, schemes } from './registries.ts'
import { DoubleContents } from './web-contents.ts'

/** The origin under which the page sees the app scheme; nothing is looked up, every request is answered by the scheme's handler. */
const pageOrigin = 'https://shell-double.invalid'

type WindowSlice = Pick<
  Electron.BrowserWindow,
  'show' | 'maximize' | 'isMaximized' | 'isMinimized' | 'restore' | 'focus' | 'getNormalBounds' | 'loadURL' | 'close'
>

/** The double's BrowserWindow: one page of a real Chromium that runs the production preload bundle. */
export class DoubleWindow extends EventEmitter implements WindowSlice {
  static userData: () => string = () => 'shell-double'
  private static readonly windows = new Set<DoubleWindow>()
  private static context: Promise<BrowserContext> | null = null

  readonly webContents = new DoubleContents()
  private readonly options: Electron.BrowserWindowConstructorOptions

  constructor(options: Electron.BrowserWindowConstructorOptions) {
    super()
    refuseInsecure(options)
    this.options = options
    DoubleWindow.windows.add(this)
    record('BrowserWindow', options)
  }

  static getAllWindows(): DoubleWindow[] {
    return [...DoubleWindow.windows]
  }

  static getFocusedWindow(): DoubleWindow | null {
    return [...DoubleWindow.windows][0] ?? null
  }

  static async closeBrowser(): Promise<void> {
    await (await DoubleWindow.context)?.close()
  }

  show(): void {
    record('window.show')
  }
  maximize(): void {
    record('window.maximize')
  }
  isMaximized(): boolean {
    return false
  }
  isMinimized(): boolean {
    return false
  }
  restore(): void {
    record('window.restore')
  }
  focus(): void {
    record('window.focus')
  }
  getNormalBounds(): Electron.Rectangle {
    return { x: 0, y: 0, width: this.options.width ?? 800, height: this.options.height ?? 600 }
  }
  close(): void {
    this.emit('close', { preventDefault: () => undefined })
    DoubleWindow.windows.delete(this)
    this.emit('closed')
  }

  async loadURL(address: string): Promise<void> {
    const { origin, pathname } = splitAddress(address)
    const context = await (DoubleWindow.context ??= openContext(this.options))
    const page = context.pages()[0] ?? (await context.newPage())
    this.webContents.page = page
    Object.assign(this.webContents.mainFrame, { url: address, origin })
    page.on('console', (message) => message.type() === 'error' && record('console error', message.text()))
    page.on('pageerror', (error) => record('page error', String(error)))
    await context.route('**/*', (route) => this.answer(route, origin))
    await page.exposeBinding('__doubleInvoke', ({ frame }, channel: string, values: readonly unknown[]) =>
      this.invoke(frame, origin, channel, values),
    )
    const preload = readFileSync(this.options.webPreferences?.preload ?? '', 'utf8')
    await page.addInitScript(runPreload, { preload, drops: process.env['AMALGAM_DOUBLE_DROPS'] ?? null })
    await page.goto(`${pageOrigin}${pathname}`)
    this.emit('ready-to-show')
    tell({ kind: 'page', devTools: await devToolsAddress(DoubleWindow.userData()) })
  }

  /** Requests of the app scheme go to its handler; going anywhere else is put to the app first, as Electron does, and then refused. */
  private async answer(route: Route, origin: string): Promise<void> {
    const request = route.request()
    const url = request.url()
    if (!url.startsWith(`${pageOrigin}/`)) return this.answerForeign(route)
    const scheme = new URL(origin).protocol.slice(0, -1)
    const handler = schemes.get(scheme)
    if (!handler) throw new Error(`no handler for the scheme ${scheme}`)
    const response = await handler(new Request(origin + url.slice(pageOrigin.length), { method: request.method() }))
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    })
  }

  private async answerForeign(route: Route): Promise<void> {
    const request = route.request()
    const url = request.url()
    const navigation = request.isNavigationRequest()
    if (navigation && pageOf(request) !== this.webContents.page) return this.openWindow(route, url)
    let prevented = false
    if (navigation) this.webContents.emit('will-navigate', { url, preventDefault: () => (prevented = true) })
    record('foreign request', { url, navigation, prevented })
    // An answer without content leaves the page where it is, as a prevented navigation does.
    await (prevented ? route.fulfill({ status: 204 }) : route.abort('blockedbyclient'))
  }

  /** Electron asks before it opens a window; Chromium opens it and asks for its contents, so here it is closed again. */
  private async openWindow(route: Route, url: string): Promise<void> {
    const { action } = this.webContents.openHandler({ url } as Electron.HandlerDetails)
    record('window.open', { url, action })
    await route.abort('blockedbyclient')
    for (const page of this.webContents.page?.context().pages() ?? []) if (page !== this.webContents.page) await page.close()
  }

  private async invoke(frame: Frame, origin: string, channel: string, values: readonly unknown[]): Promise<unknown> {
    const handler = handlers.get(channel)
    if (!handler) return { error: `Error invoking remote method '${channel}': Error: No handler registered for '${channel}'` }
    const { mainFrame } = this.webContents
    const url = frame.url().replace(pageOrigin, origin)
    const isMain = frame.parentFrame() === null
    const event = { sender: this.webContents, senderFrame: isMain ? Object.assign(mainFrame, { url }) : { url, origin } }
    try {
      const value = await handler(event as unknown as Electron.IpcMainInvokeEvent, ...(values as never[]))
      return { value: structuredClone(value) }
    } catch (error) {
      return { error: `Error invoking remote method '${channel}': ${String(error)}` }
    }
  }
}

/** The page a navigation belongs to; a window that is only being opened has none yet. */
function pageOf(request: PageRequest): Page | null {
  try {
    return request.frame().page()
  } catch (error) {
    if (String(error).includes('not available')) return null
    throw error
  }
}

async function openContext(options: Electron.BrowserWindowConstructorOptions): Promise<BrowserContext> {
  const found = findChromium(process.env['AMALGAM_DOUBLE_CHROMIUM'])
  if (found.path === null) throw new Error(found.reason)
  const profile = DoubleWindow.userData()
  await mkdir(profile, { recursive: true })
  await rm(join(profile, 'DevToolsActivePort'), { force: true })
  return chromium.launchPersistentContext(profile, {
    executablePath: found.path,
    headless: process.env['AMALGAM_DOUBLE_HEADED'] !== '1',
    args: [...chromiumFlags, '--remote-debugging-port=0'],
    viewport: { width: options.width ?? 800, height: options.height ?? 600 },
  })
}

async function devToolsAddress(profile: string): Promise<string> {
  const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n')
  return `http://127.0.0.1:${port}`
}

function splitAddress(address: string): { readonly origin: string; readonly pathname: string } {
  const { protocol, host, pathname, search, hash } = new URL(address)
  return { origin: `${protocol}//${host}`, pathname: pathname + search + hash }
}
