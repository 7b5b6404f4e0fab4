import type { PageWithDouble } from './web-contents.ts'

/**
 * Runs in the page before anything of it: gives the production preload bundle the "electron" of a sandboxed preload script and nothing else.
 * Playwright sends this function's text to the page, so it may use nothing from outside itself.
 */
export function runPreload({ preload, drops }: { readonly preload: string; readonly drops: string | null }): void {
  if (window.top !== window.self) return
  const page = globalThis as unknown as PageWithDouble
  const listeners = new Map<string, Set<(event: object, ...values: unknown[]) => void>>()

  const ipcRenderer = {
    async invoke(channel: string, ...values: unknown[]): Promise<unknown> {
      // Electron clones what is sent; a value that cannot be cloned is an error there too.
      const reply = await page.__doubleInvoke(channel, structuredClone(values))
      if ('error' in reply) throw new Error(reply.error)
      return reply.value
    },
    on(channel: string, listener: (event: object, ...values: unknown[]) => void) {
      listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener))
    },
    off(channel: string, listener: (event: object, ...values: unknown[]) => void) {
      listeners.get(channel)?.delete(listener)
    },
  }
  page.__doubleReceive = (channel, values) => {
    for (const listener of [...(listeners.get(channel) ?? [])]) listener({}, ...values)
  }

  function bridged(value: unknown, path: string): unknown {
    if (value === ipcRenderer) throw new Error(`${path}: ipcRenderer itself may not be exposed`)
    if (typeof value !== 'object' || value === null) return value
    if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error(`${path}: only plain objects cross the context bridge`)
    return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, bridged(part, `${path}.${key}`)])))
  }

  const electron = {
    ipcRenderer,
    contextBridge: {
      exposeInMainWorld(key: string, value: unknown) {
        if (key in window) throw new Error(`Cannot bind an API on top of an existing property on the window object: ${key}`)
        Object.defineProperty(window, key, { value: bridged(value, key), enumerable: true })
      },
    },
    webUtils: { getPathForFile: (file: File) => (drops === null ? '' : `${drops}/${file.name}`) },
  }
  function requireElectron(name: string): typeof electron {
    if (name === 'electron') return electron
    throw new Error(`module not found: ${name}`)
  }
  const module = { exports: {} }
  const run = new Function('require', 'module', 'exports', preload)
  run(requireElectron, module, module.exports)
}
