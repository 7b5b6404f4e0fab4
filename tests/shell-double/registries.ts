import type { IpcMainInvokeEvent } from 'electron'

/** Handlers of ipcMain by channel. */
export const handlers = new Map<string, (event: IpcMainInvokeEvent, ...args: never[]) => unknown>()
/** Handlers of custom schemes by scheme. */
export const schemes = new Map<string, (request: Request) => Promise<Response>>()
