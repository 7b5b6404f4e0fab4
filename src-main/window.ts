import { BrowserWindow, type WebContents } from 'electron'
import { appOrigin } from './host/electron-names.ts'
import { readWindowState, smallestWindow, writeWindowState } from './host/window-state.ts'
import type { Log } from './platform/log.ts'

export interface WindowOptions {
  /** The preload bundle. */
  readonly preload: string
  /** Where size and state of the window are remembered. */
  readonly stateFile: string
  /** True while developing: allows the developer tools. */
  readonly devTools: boolean
  readonly log: Log
}

/** Opens the window, hidden until its first paint, in a sandbox that can neither navigate nor open anything. */
export function openWindow({ preload, stateFile, devTools, log }: WindowOptions): BrowserWindow {
  const { width, height, maximized } = readWindowState(stateFile, log)
  const window = new BrowserWindow({
    title: 'Amalgam',
    width,
    height,
    minWidth: smallestWindow.width,
    minHeight: smallestWindow.height,
    show: false,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      devTools,
    },
  })
  lockDown(window.webContents, log)
  window.once('ready-to-show', () => {
    if (maximized) window.maximize()
    window.show()
  })
  window.on('close', () => {
    const { width, height } = window.getNormalBounds()
    void writeWindowState(stateFile, { width, height, maximized: window.isMaximized() }, log)
  })
  window.loadURL(`${appOrigin}/index.html`).catch((error: unknown) => log.error('the window could not be loaded', { error: String(error) }))
  return window
}

/** The page stays where it is: no navigation, no new windows, no embedded pages. */
function lockDown(contents: WebContents, log: Log): void {
  const refuse = (event: { preventDefault(): void }, url?: string): void => {
    event.preventDefault()
    log.warn('navigation refused', { url: url ?? 'webview' })
  }
  contents.on('will-navigate', (event) => refuse(event, event.url))
  contents.on('will-redirect', (event) => refuse(event, event.url))
  contents.on('will-frame-navigate', (event) => refuse(event, event.url))
  contents.on('will-attach-webview', (event) => refuse(event))
  contents.setWindowOpenHandler(({ url }) => {
    log.warn('new window refused', { url })
    return { action: 'deny' }
  })
  contents.on('render-process-gone', (_event, details) => {
    log.error('the window stopped', { reason: details.reason, exitCode: details.exitCode })
    if (details.reason !== 'clean-exit') contents.reload()
  })
}
