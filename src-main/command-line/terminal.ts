import type { Terminal } from './run.ts'

/** A second Ctrl+C after this time ends the process at once, in milliseconds; sooner it is the same wish heard twice. */
const patienceMs = 1_000

/** The terminal of this process; Ctrl+C and a request to terminate stop what runs in order. */
export function terminalOf(words: readonly string[], codeFolder: string): Terminal {
  const stop = new AbortController()
  let askedAt: number | undefined
  const ask = (): void => {
    if (askedAt !== undefined && Date.now() - askedAt > patienceMs) process.exit(3)
    askedAt ??= Date.now()
    stop.abort()
  }
  // A reader that has seen enough ("amalgam ls | head") is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  process.on('SIGINT', ask)
  process.on('SIGTERM', ask)
  return {
    words,
    codeFolder,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
    signal: stop.signal,
  }
}
