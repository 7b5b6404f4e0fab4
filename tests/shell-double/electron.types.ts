/** Proof that the double's slices have Electron's own signatures: each line below must fail to compile, and tsc fails when one does not. */
import type * as Electron from 'electron'
import { dialog, ipcMain, Menu, powerSaveBlocker, protocol, session } from './electron.ts'

// @ts-expect-error the channel is a string
ipcMain.handle(1, () => undefined)
// @ts-expect-error a handler answers with a Response
protocol.handle('app', () => 'text')
// @ts-expect-error there is no such kind of blocker
powerSaveBlocker.start('prevent-everything')
// @ts-expect-error properties are Electron's words
void dialog.showOpenDialog(null as unknown as Electron.BaseWindow, { properties: ['openEverything'] })
// @ts-expect-error a menu item's role is one of Electron's
Menu.buildFromTemplate([{ role: 'explode' }])
// @ts-expect-error the answer is given through the callback's boolean
session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer('yes'))
