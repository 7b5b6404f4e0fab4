/** Runs the command line as a person does, in a process of its own that may be killed. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export interface Run {
  /** null when it was killed. */
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly elapsedMs: number
  /** When it said the first word on stderr: its work had begun. */
  readonly firstWordMs: number | null
}

export interface RunOptions {
  /** Sends SIGKILL this time after the start, or after the first word on stderr, in milliseconds. */
  readonly kill?: { readonly from: 'start' | 'first word'; readonly afterMs: number }
  readonly environment?: Readonly<Record<string, string>>
  /** Program and arguments before node, such as setpriv with its options. */
  readonly through?: readonly string[]
  readonly timeoutMs?: number
}

/** Runs `amalgam` with these words. A run that does not end within the time limit (60 s) is an error: nothing may hang. */
export function amalgam(words: readonly string[], options: RunOptions = {}): Promise<Run> {
  return runProgram([process.execPath, join(root, 'src-main/cli.ts'), ...words], options)
}

/** Runs any program in the same manner. */
export function runProgram(line: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { kill, environment = {}, through = [], timeoutMs = 60_000 } = options
  const [program, ...rest] = [...through, ...line]
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
    let out = ''
    let err = ''
    let late = false
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    let firstWordMs: number | null = null
    let killer: NodeJS.Timeout | undefined
    const aim = (from: 'start' | 'first word'): void => {
      if (kill?.from === from) killer = setTimeout(() => child.kill('SIGKILL'), kill.afterMs)
    }
    aim('start')
    child.stderr.on('data', (chunk) => {
      err += String(chunk)
      if (firstWordMs !== null) return
      firstWordMs = performance.now() - begun
      aim('first word')
    })
    const limit = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(killer)
      clearTimeout(limit)
      if (late) reject(new Error(`${line.slice(1).join(' ')} did not end within ${timeoutMs} ms: ${err.slice(-500)}`))
      else resolve({ code, out, err, elapsedMs: performance.now() - begun, firstWordMs })
    })
  })
}

/** What a run printed with --json. */
export function jsonOf<T>(run: Run): T {
  try {
    return JSON.parse(run.out) as T
  } catch (error) {
    throw new Error(`no JSON came (exit ${run.code}): ${run.out.slice(0, 300)} ${run.err.slice(0, 1500)}`, { cause: error })
  }
}
