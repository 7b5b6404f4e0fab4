import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

/** Flags under which Chromium runs in tests: in containers, without a GPU, and without talking to anybody. */
export const chromiumFlags: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const places = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium']

/** A Chromium or Chrome of this machine, or why none is used and how to get one. */
export type FoundChromium = { readonly path: string } | { readonly path: null; readonly reason: string }

/** Looks for a browser: `wanted` (or CHROMIUM_PATH) decides; otherwise the usual names on the path. */
export function findChromium(wanted: string | undefined = process.env['CHROMIUM_PATH']): FoundChromium {
  if (wanted) return isExecutable(wanted) ? { path: wanted } : { path: null, reason: `CHROMIUM_PATH names ${wanted}, which cannot be run.` }
  const found = names.map(onPath).find((path) => path !== null) ?? places.find(isExecutable)
  if (found) return { path: found }
  return {
    path: null,
    reason: `No Chromium or Chrome was found (looked for ${names.join(', ')}). Install one ("apt-get install chromium"), or name one in CHROMIUM_PATH.`,
  }
}

function onPath(name: string): string | null {
  const { status, stdout } = spawnSync(process.platform === 'win32' ? 'where' : 'which', [name], { encoding: 'utf8' })
  return status === 0 ? (stdout.split('\n')[0]?.trim() ?? null) : null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
