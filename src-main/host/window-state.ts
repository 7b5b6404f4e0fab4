import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import type { Log } from '../platform/log.ts'
import { writeFileWhole } from '../platform/write-file.ts'

/** Smallest window that shows every screen whole, in device-independent pixels. */
export const smallestWindow = { width: 1024, height: 640 } as const

const size = (smallest: number, usual: number) =>
  v.fallback(v.pipe(v.number(), v.integer(), v.minValue(smallest), v.maxValue(20000)), usual)
const windowStateSchema = v.object({
  width: size(smallestWindow.width, 1360),
  height: size(smallestWindow.height, 860),
  maximized: v.fallback(v.boolean(), false),
})
/** What is remembered of the window; where it stands is left to the system, which knows which screens there are. */
export type WindowState = v.InferOutput<typeof windowStateSchema>

/** The remembered window, or the usual one where nothing usable is remembered. */
export function readWindowState(file: string, log: Log): WindowState {
  try {
    return v.parse(windowStateSchema, JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn('the remembered window is not used', { file, error: String(error) })
    return v.parse(windowStateSchema, { width: null, height: null, maximized: null })
  }
}

/** Remembers the window; a failure is only logged. */
export async function writeWindowState(file: string, state: WindowState, log: Log): Promise<void> {
  await writeFileWhole(file, JSON.stringify(state)).catch((error: unknown) =>
    log.warn('the window could not be remembered', { file, error: String(error) }),
  )
}
