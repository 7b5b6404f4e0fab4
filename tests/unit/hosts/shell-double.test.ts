import { expect, test } from 'vitest'
import { BrowserWindow, ipcMain, Menu, protocol } from '../../shell-double/electron.ts'

const safe = {
  show: false,
  webPreferences: {
    preload: '/preload.cjs',
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  },
}

test('the double takes the settings that the app uses', () => {
  expect(() => new BrowserWindow(safe)).not.toThrow()
})

test.each([
  ['nodeIntegration', { nodeIntegration: true }],
  ['contextIsolation', { contextIsolation: false }],
  ['sandbox', { sandbox: false }],
  ['webSecurity', { webSecurity: false }],
  ['webviewTag', { webviewTag: true }],
  ['experimental', { experimentalFeatures: true }],
  ['Blink', { enableBlinkFeatures: 'X' }],
])('it refuses a window with unsafe %s', (name, change) => {
  expect(() => new BrowserWindow({ ...safe, webPreferences: { ...safe.webPreferences, ...change } })).toThrow(name)
})

test('it refuses defaults: every setting must be said, and the window hidden', () => {
  expect(() => new BrowserWindow({})).toThrow(/sandbox must be true; .*hidden until its first paint; a preload script/)
})

test('a second handler for a channel or a scheme throws, as in Electron', () => {
  ipcMain.handle('channel', () => null)
  expect(() => ipcMain.handle('channel', () => null)).toThrow("second handler for 'channel'")
  ipcMain.removeHandler('channel')
  expect(() => ipcMain.handle('channel', () => null)).not.toThrow()
  protocol.handle('scheme', () => new Response())
  expect(() => protocol.handle('scheme', () => new Response())).toThrow('has been registered')
})

test('a menu role that Electron does not know throws', () => {
  expect(() => Menu.buildFromTemplate([{ label: 'x', submenu: [{ role: 'quit' }] }])).not.toThrow()
  expect(() => Menu.buildFromTemplate([{ label: 'x', submenu: [{ role: 'selfdestruct' as 'quit' }] }])).toThrow('selfdestruct')
})
