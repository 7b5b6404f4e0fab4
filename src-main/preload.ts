import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron'
import { callChannel, eventChannel, wireKey, type Reply, type Wire } from './contract/bridge.ts'
import { allowDropRequest, reservedPrefix } from './host/electron-names.ts'

const wire: Wire = {
  host: 'electron',
  async call(name, input) {
    if (typeof name !== 'string' || name.startsWith(reservedPrefix)) throw new Error('This request is reserved.')
    return (await ipcRenderer.invoke(callChannel, name, input)) as Reply
  },
  onEvent(listener) {
    const receive = (_event: IpcRendererEvent, name: string, payload: unknown): void => listener(name, payload)
    ipcRenderer.on(eventChannel, receive)
    return () => {
      ipcRenderer.off(eventChannel, receive)
    }
  },
  drop: {
    kind: 'path',
    async pathForFile(file) {
      const path = webUtils.getPathForFile(file)
      if (path === '') return null
      await ipcRenderer.invoke(callChannel, allowDropRequest, path)
      return path
    },
  },
}

contextBridge.exposeInMainWorld(wireKey, wire)
