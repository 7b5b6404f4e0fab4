import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Absolute path of a worker's entry file. `name` is its path under src-main without the ending, such as "library/read-worker"; each one is an
 * input of the same name in electron.vite.config.ts. Sources run as they are (.ts); in the bundle every module lies directly in out/main, which
 * holds the entry as <name>.js.
 */
export function workerFile(name: string, moduleUrl: string = import.meta.url): string {
  const here = fileURLToPath(moduleUrl)
  return here.endsWith('.ts') ? join(dirname(here), '..', `${name}.ts`) : join(dirname(here), `${name}.js`)
}
