import { app, BrowserWindow, dialog, Menu, protocol, session, type MenuItemConstructorOptions } from 'electron'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Refusal } from './contract/problems.ts'
import { createElectronPort, serveWindows } from './host/electron.ts'
import { appScheme } from './host/electron-names.ts'
import { openCommonPort } from './host/port.ts'
import { answerStatic } from './host/static-files.ts'
import { createApp } from './ipc/app.ts'
import { openWindow } from './window.ts'

const { values } = parseArgs({
  args: process.argv.slice(1),
  options: { library: { type: 'string' }, demo: { type: 'boolean' } },
  strict: false,
})

protocol.registerSchemesAsPrivileged([
  { scheme: appScheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
])
app.enableSandbox()
app.setName('Amalgam')

const common = openCommonPort({
  codeFolder: import.meta.dirname,
  libraryFolder: typeof values.library === 'string' ? values.library : undefined,
  roots: [],
  echo: app.isPackaged ? () => undefined : (line) => console.error(line),
})
// Chromium's own files belong to the library's cache; with it, the lock below is one for each library.
app.setPath('userData', join(common.paths.cache, 'electron'))

if (app.requestSingleInstanceLock()) void app.whenReady().then(start)
else app.quit()

async function start(): Promise<void> {
  const { log, paths } = common
  lockSession()
  protocol.handle(appScheme, (request) => answerStatic(paths.renderer, request))
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate()))
  const port = createElectronPort(common)
  const services = openApp(port)
  if (!services) return
  serveWindows(services, port)
  const show = (): BrowserWindow =>
    openWindow({
      preload: join(import.meta.dirname, '../preload/preload.cjs'),
      stateFile: join(paths.library, 'window.json'),
      devTools: !app.isPackaged,
      log,
    })
  show()
  app.on('second-instance', () => focus(BrowserWindow.getAllWindows()[0] ?? show()))
  app.on('window-all-closed', () => app.quit())
  app.on('will-quit', (event) => {
    event.preventDefault()
    void services
      .close()
      .catch((error: unknown) => log.error('the app could not be closed in order', { error: String(error) }))
      .then(() => log.close())
      .then(() => app.exit())
  })
  if (values.demo === true) await services.importDemoIfEmpty()
}

/** Opens the library; one that cannot be opened is said in a dialog, and the app ends. */
function openApp(port: ReturnType<typeof createElectronPort>): ReturnType<typeof createApp> | undefined {
  try {
    return createApp(port)
  } catch (error) {
    port.log.error('the library could not be opened', { error: String(error) })
    const text =
      error instanceof Refusal ? error.problems.map(({ message, hint }) => `${message}\n${hint ?? ''}`).join('\n') : String(error)
    dialog.showErrorBox('Amalgam cannot open its library', text)
    app.exit(1)
    return undefined
  }
}

/** Denies every permission but writing to the clipboard, which our page asks for when something is copied. */
function lockSession(): void {
  const granted = (permission: string): boolean => permission === 'clipboard-sanitized-write'
  session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) => answer(granted(permission)))
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => granted(permission))
  session.defaultSession.setDevicePermissionHandler(() => false)
}

function focus(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.focus()
}

/** Roles only: what the system knows how to do. Commands of the app have their shortcuts in the page, where its palette lists them too. */
function menuTemplate(): MenuItemConstructorOptions[] {
  const mac: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : []
  const tools: MenuItemConstructorOptions[] = app.isPackaged ? [] : [{ type: 'separator' }, { role: 'reload' }, { role: 'toggleDevTools' }]
  return [
    ...mac,
    { label: '&File', submenu: [{ role: 'close' }, { role: 'quit', accelerator: 'CmdOrCtrl+Q' }] },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...tools,
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ role: 'about' }] },
  ]
}
