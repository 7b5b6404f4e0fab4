import { resolve } from 'node:path'
import { runInNewContext } from 'node:vm'
import { build } from 'vite'
import { beforeAll, expect, test } from 'vitest'
import { callChannel, eventChannel, wireKey } from '../../../src-main/contract/bridge.ts'

interface Exposed {
  readonly host: string
  readonly call: (name: unknown, input: unknown) => Promise<unknown>
  readonly onEvent: (listener: (name: string, payload: unknown) => void) => () => void
  readonly drop: { readonly kind: string; readonly pathForFile: (file: unknown) => Promise<string | null> }
}

let code: string

beforeAll(async () => {
  // The same build as electron.vite.config.ts makes of the preload script: one CommonJS file in which only "electron" is left to require.
  const made = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: { entry: resolve(import.meta.dirname, '../../../src-main/preload.ts'), formats: ['cjs'] },
      rollupOptions: { external: ['electron'] },
    },
  })
  const output = (Array.isArray(made) ? made : [made]).flatMap((one) => ('output' in one ? one.output : []))
  expect(output).toHaveLength(1)
  code = output[0] && 'code' in output[0] ? output[0].code : ''
})

/** Runs the bundle as Electron's sandbox does: a `require` that knows "electron" and nothing else. */
function run(pathForFile: (file: unknown) => string = () => '') {
  const sent: unknown[][] = []
  const listeners = new Map<string, Set<(...values: unknown[]) => void>>()
  const required: string[] = []
  const exposed: Record<string, unknown> = {}
  const electron = {
    contextBridge: { exposeInMainWorld: (key: string, value: unknown) => (exposed[key] = value) },
    ipcRenderer: {
      invoke: async (...values: unknown[]) => {
        sent.push(values)
        return { ok: true, value: 1 }
      },
      on: (channel: string, listener: () => void) => listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener)),
      off: (channel: string, listener: () => void) => listeners.get(channel)?.delete(listener),
    },
    webUtils: { getPathForFile: pathForFile },
  }
  const module = { exports: {} }
  runInNewContext(code, {
    module,
    exports: module.exports,
    require(name: string) {
      required.push(name)
      if (name !== 'electron') throw new Error(`module not found: ${name}`)
      return electron
    },
  })
  return { exposed, sent, listeners, required, electron, wire: exposed[wireKey] as Exposed }
}

test('only "electron" is required, and one key is exposed', () => {
  const { exposed, required } = run()
  expect([...new Set(required)]).toEqual(['electron'])
  expect(Object.keys(exposed)).toEqual([wireKey])
})

test('the wire has exactly the keys of the contract', () => {
  const { wire } = run()
  expect(Object.keys(wire).sort()).toEqual(['call', 'drop', 'host', 'onEvent'])
  expect(Object.keys(wire.drop).sort()).toEqual(['kind', 'pathForFile'])
  expect([wire.host, wire.drop.kind]).toEqual(['electron', 'path'])
})

test('nothing of Electron itself is handed out', () => {
  const { wire, electron } = run()
  const values: unknown[] = [wire, ...Object.values(wire), ...Object.values(wire.drop)]
  for (const secret of [electron, electron.ipcRenderer, electron.contextBridge, electron.webUtils, ...Object.values(electron.ipcRenderer)])
    expect(values).not.toContain(secret)
})

test('requests go out on the one channel; reserved ones and names that are no text are refused', async () => {
  const { wire, sent } = run()
  expect(await wire.call('app.info', {})).toEqual({ ok: true, value: 1 })
  await expect(wire.call('host.allowDrop', '/etc')).rejects.toThrow('reserved')
  await expect(wire.call({ toString: () => 'host.allowDrop' }, '/etc')).rejects.toThrow('reserved')
  expect(sent).toEqual([[callChannel, 'app.info', {}]])
})

test('events come in without the IPC event, until unsubscribed', () => {
  const { wire, listeners } = run()
  const heard: unknown[][] = []
  const stop = wire.onEvent((...values) => heard.push(values))
  for (const listener of listeners.get(eventChannel) ?? []) listener({ sender: 'secret' }, 'job.removed', { id: 'a' })
  expect(heard).toEqual([['job.removed', { id: 'a' }]])
  expect(stop()).toBeUndefined()
  expect(listeners.get(eventChannel)?.size).toBe(0)
})

test('a dropped file is made known to the app before its path is given to the page', async () => {
  const { wire, sent } = run((file) => (file === 'file' ? '/pool/a' : ''))
  expect(await wire.drop.pathForFile('file')).toBe('/pool/a')
  expect(sent).toEqual([[callChannel, 'host.allowDrop', '/pool/a']])
  expect(await wire.drop.pathForFile('not on disk')).toBeNull()
  expect(sent).toHaveLength(1)
})
