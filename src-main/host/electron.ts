import { BrowserWindow, dialog, ipcMain, powerSaveBlocker, shell, type IpcMainInvokeEvent, type OpenDialogOptions } from 'electron'
import { callChannel, eventChannel, type Reply } from '../contract/bridge.ts'
import { errorProblem } from '../contract/problems.ts'
import type { App } from '../ipc/app.ts'
import type { HostPort } from '../ipc/host-port.ts'
import type { CommonPort } from './port.ts'
import { allowDropRequest, appOrigin } from './electron-names.ts'

/** The port of the desktop app: native dialogs, the file manager and the power switch. */
export function createElectronPort(common: CommonPort): HostPort {
  const { access } = common
  return {
    ...common,
    kind: 'electron',
    canPick: true,
    async pickFolder(title) {
      const [folder] = await pick({ title, properties: ['openDirectory', 'createDirectory'] })
      if (folder !== undefined) access.allow(folder)
      return folder ?? null
    },
    async pickFile(title, endings) {
      const filters = [{ name: 'Examples', extensions: [...endings] }]
      const [file] = await pick({ title, filters, properties: ['openFile'] })
      if (file !== undefined) access.allow(file)
      return file ?? null
    },
    async pickAdapters() {
      const paths = await pick({ title: 'Add adapters', buttonLabel: 'Add', properties: ['openDirectory', 'multiSelections'] })
      for (const path of paths) access.allow(path)
      return paths
    },
    async reveal(path) {
      shell.showItemInFolder(path)
    },
    preventSleep() {
      const blocker = powerSaveBlocker.start('prevent-app-suspension')
      return () => powerSaveBlocker.stop(blocker)
    },
  }
}

async function pick(options: OpenDialogOptions): Promise<readonly string[]> {
  const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0]
  const { canceled, filePaths } = await (window ? dialog.showOpenDialog(window, options) : dialog.showOpenDialog(options))
  return canceled ? [] : filePaths
}

/** Joins the app to its windows: one channel in, one channel out. */
export function serveWindows(app: App, port: HostPort): void {
  ipcMain.handle(callChannel, async (event, name: unknown, input: unknown): Promise<Reply> => {
    if (!isOwnWindow(event)) {
      port.log.error('a request from a foreign frame was refused', { url: event.senderFrame?.url ?? 'gone' })
      return { ok: false, problems: [errorProblem('request-invalid', 'Only the window of Amalgam may send requests.')] }
    }
    if (name === allowDropRequest) return allowDrop(port, input)
    return app.dispatch(String(name), input)
  })
  app.onEvent((name, payload) => {
    for (const window of BrowserWindow.getAllWindows()) window.webContents.send(eventChannel, name, payload)
  })
}

/** Our page in the top frame of a window, and nothing else. */
function isOwnWindow(event: IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame
  return frame !== null && frame === event.sender.mainFrame && frame.url.startsWith(`${appOrigin}/`)
}

/** The preload script tells where a dropped file lies; the page itself cannot send this request. */
function allowDrop(port: HostPort, input: unknown): Reply {
  if (typeof input === 'string' && input !== '') port.access.allow(input)
  return { ok: true, value: null }
}
