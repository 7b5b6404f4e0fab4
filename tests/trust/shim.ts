/** Builds fault.c, the preloaded library that makes file operations fail, and says how often it struck. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export type FaultKind = 'ENOSPC' | 'EIO' | 'EACCES' | 'EROFS' | 'SHORT' | 'EOF'

export interface Fault {
  /** Classes of calls as fault.c names them. */
  readonly calls: string
  /** A part of the path. */
  readonly path: string
  readonly kind: FaultKind
  /** From 1; 0 only counts. */
  readonly nth: number
  /** True when all later calls fail as well, as on a disk that stays full. */
  readonly onwards?: boolean
}

export interface Shim {
  environment(fault: Fault, tally: string): Readonly<Record<string, string>>
}

/** The library in `folder`, or why there is none on this machine. */
export function buildShim(folder: string): Shim | { readonly skipped: string } {
  if (process.platform !== 'linux') return { skipped: 'preloading is done on Linux only' }
  const library = join(folder, 'fault.so')
  const source = join(import.meta.dirname, 'fault.c')
  const built = ['cc', 'gcc', 'g++'].some((compiler) => {
    const language = compiler === 'g++' ? ['-x', 'c'] : []
    return spawnSync(compiler, ['-shared', '-fPIC', '-O1', '-Wall', '-o', library, ...language, source, '-ldl']).status === 0
  })
  if (!built) return { skipped: 'there is no C compiler' }
  return {
    environment: ({ calls, path, kind, nth, onwards = false }, tally) => ({
      ...{ LD_PRELOAD: library, FAULT_CALLS: calls, FAULT_PATH: path, FAULT_KIND: kind, FAULT_NTH: String(nth), FAULT_TALLY: tally },
      ...(onwards && { FAULT_ON: '1' }),
    }),
  }
}

/** How many calls matched and how many of them were made to fail; the tally is removed. */
export function readTally(tally: string): { readonly matched: number; readonly struck: number } {
  const text = existsSync(tally) ? readFileSync(tally, 'utf8') : ''
  rmSync(tally, { force: true })
  return { matched: [...text].filter((letter) => letter === 'm').length, struck: [...text].filter((letter) => letter === 'f').length }
}
