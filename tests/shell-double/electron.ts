/**
 * The shell double: a stand-in for the module "electron" with just what the desktop app's main process uses, its renderer a page in a real Chromium.
 * Members are slices of Electron's own types, so that a call with a wrong signature does not compile. It is stricter than Electron where a mistake
 * would be a security hole. It says nothing about isolated worlds, native dialogs, real serialisation or packaging.
 */
import type * as Electron from 'electron'
import { EventEmitter } from 'node:events'
import { nextDialogAnswer, onQuitRequest, record } from './control.ts'
import { DoubleWindow } from './browser-window.ts'
import { handlers, schemes } from './registries.ts'

type Slice<T, K extends keyof T> = Pick<T, K>

let isReady = false
const paths = new Map<string, string>([['userData', 'shell-double']])

const emitter = new EventEmitter()
const appSlice: Slice<
  Electron.App,
  'isPackaged' | 'enableSandbox' | 'setName' | 'setPath' | 'getPath' | 'requestSingleInstanceLock' | 'whenReady' | 'quit' | 'exit'
> = {
  isPackaged: process.env['AMALGAM_DOUBLE_PACKAGED'] === '1',
  enableSandbox() {
    if (isReady) throw new Error('app.enableSandbox() can only be called before app is ready')
    record('app.enableSandbox')
  },
  setName: (name) => record('app.setName', name),
  setPath(name, path) {
    if (isReady && name === 'userData') throw new Error('userData is in use once the app is ready')
    paths.set(name, path)
  },
  getPath: (name) => paths.get(name) ?? '',
  requestSingleInstanceLock() {
    record('app.requestSingleInstanceLock', paths.get('userData'))
    return true
  },
  async whenReady() {
    await new Promise((resolve) => setImmediate(resolve))
    isReady = true
  },
  quit() {
    let prevented = false
    const event = { preventDefault: () => (prevented = true) }
    emitter.emit('before-quit', event)
    emitter.emit('will-quit', event)
    if (!prevented) appSlice.exit()
  },
  exit(code = 0) {
    record('app.exit', code)
    void DoubleWindow.closeBrowser().finally(() => process.exit(code))
  },
}
export const app = Object.assign(emitter, appSlice)
onQuitRequest(() => {
  for (const window of DoubleWindow.getAllWindows()) window.close()
  emitter.emit('window-all-closed')
})

export const BrowserWindow = DoubleWindow
DoubleWindow.userData = () => appSlice.getPath('userData')

export const ipcMain: Slice<Electron.IpcMain, 'handle' | 'removeHandler'> = {
  handle(channel, listener) {
    if (handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`)
    handlers.set(channel, listener)
    record('ipcMain.handle', channel)
  },
  removeHandler: (channel) => void handlers.delete(channel),
}

export const protocol: Slice<Electron.Protocol, 'registerSchemesAsPrivileged' | 'handle'> = {
  registerSchemesAsPrivileged(list) {
    if (isReady) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready')
    record('protocol.registerSchemesAsPrivileged', list)
  },
  handle(scheme, handler) {
    if (schemes.has(scheme)) throw new Error(`The scheme has been registered: ${scheme}`)
    schemes.set(scheme, async (request) => handler(request))
  },
}

export const dialog: {
  showOpenDialog(window: Electron.BaseWindow, options: Electron.OpenDialogOptions): Promise<Electron.OpenDialogReturnValue>
  showErrorBox: Electron.Dialog['showErrorBox']
} = {
  async showOpenDialog(_window, options) {
    record('dialog.showOpenDialog', options)
    const answer = nextDialogAnswer()
    return answer === undefined ? { canceled: true, filePaths: [] } : { canceled: false, filePaths: [...answer] }
  },
  showErrorBox: (title, content) => record('dialog.showErrorBox', { title, content }),
}

export const shell: Slice<Electron.Shell, 'showItemInFolder'> = { showItemInFolder: (path) => record('shell.showItemInFolder', path) }

let blockers = 0
export const powerSaveBlocker: Slice<Electron.PowerSaveBlocker, 'start' | 'stop'> = {
  start(type) {
    record('powerSaveBlocker.start', type)
    return blockers++
  },
  stop(id) {
    record('powerSaveBlocker.stop', id)
    return true
  },
}

const menuRoles = new Set(
  'appmenu editmenu windowmenu help close quit resetzoom zoomin zoomout togglefullscreen reload toggledevtools about'.split(' '),
)
export const Menu: {
  buildFromTemplate(template: Electron.MenuItemConstructorOptions[]): readonly Electron.MenuItemConstructorOptions[]
  setApplicationMenu(menu: readonly Electron.MenuItemConstructorOptions[] | null): void
} = {
  buildFromTemplate(template) {
    for (const item of template) {
      if (item.role !== undefined && !menuRoles.has(item.role.toLowerCase())) throw new Error(`Unknown menu role ${item.role}`)
      if (Array.isArray(item.submenu)) Menu.buildFromTemplate(item.submenu)
    }
    return template
  },
  setApplicationMenu: (menu) => record('Menu.setApplicationMenu', menu),
}

/** Permissions put to the app's handlers as soon as they are set, so that a test reads the answers. */
const permissions = ['geolocation', 'media', 'notifications', 'openExternal', 'clipboard-read', 'clipboard-sanitized-write'] as const
const noContents = null as unknown as Electron.WebContents
const noDetails = {} as Electron.MediaAccessPermissionRequest & Electron.PermissionCheckHandlerHandlerDetails

const defaultSession: Slice<Electron.Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler'> =
  {
    setPermissionRequestHandler(handler) {
      const answers: Record<string, boolean> = {}
      for (const name of permissions) handler?.(noContents, name, (granted) => (answers[name] = granted), noDetails)
      record('session.permissionRequests', answers)
    },
    setPermissionCheckHandler(handler) {
      const answers = permissions.map((name) => [name, handler?.(null, name, 'app://amalgam', noDetails) ?? true])
      record('session.permissionChecks', Object.fromEntries(answers))
    },
    setDevicePermissionHandler: (handler) =>
      record('session.devicePermission', handler?.({} as Electron.DevicePermissionHandlerHandlerDetails) ?? true),
  }
export const session = { defaultSession }
