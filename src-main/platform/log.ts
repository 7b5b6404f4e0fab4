import { appendFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Facts beside a log message; values are written as JSON. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where the app says what happened. Messages carry no contents of people's files beyond names and paths. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** A log with a file behind it; `close` resolves when everything is on disk. */
export interface FileLog extends Log {
  close(): Promise<void>
}

/** Size beyond which the log file is renamed to <file>.1 (the one before it is dropped), in bytes. */
export const logRotationBytes = 2_000_000

/**
 * Opens a log that appends one line for each message to `file`, in the order in which they came; several processes may write one file. `echo` gets warnings and errors too (stderr, or nothing).
 * A log that cannot be written never stops the app: the first failure is said through `echo`.
 */
export function openFileLog(options: {
  readonly file: string
  readonly echo?: (line: string) => void
  readonly now?: () => Date
  readonly rotationBytes?: number
}): FileLog {
  const { file, echo = () => undefined, now = () => new Date(), rotationBytes = logRotationBytes } = options
  let hasFolder = false
  let broken = false
  let written: Promise<void> = Promise.resolve()

  async function append(line: string): Promise<void> {
    if (!hasFolder) await mkdir(dirname(file), { recursive: true })
    hasFolder = true
    // Asked each time: other processes write as well.
    if ((await sizeOf(file)) > rotationBytes) await renew(file, rotationBytes)
    await appendFile(file, line)
  }

  function write(level: string, message: string, fields: LogFields = {}): void {
    const line = formatLine(now(), level, message, fields)
    if (level !== 'info') echo(line)
    written = written
      .then(() => append(`${line}\n`))
      .catch((error: unknown) => {
        if (!broken) echo(`the log ${file} cannot be written: ${String(error)}`)
        broken = true
      })
  }

  return {
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    close: () => written,
  }
}

/** A log that keeps nothing, for tests and for reading without a library. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }

function formatLine(at: Date, level: string, message: string, fields: LogFields): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value) ?? String(value)}`)
  return `${at.toISOString()} ${level.padEnd(5)} ${message.replaceAll(/\s*\n\s*/g, ' | ')}${rest.join('')}`
}

/** Puts a full log aside. Of processes that find it full at once one gets it; what another began meanwhile is put back, not in its place. */
async function renew(file: string, rotationBytes: number): Promise<void> {
  const claimed = `${file}.${process.pid}.full`
  try {
    await rename(file, claimed)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await sizeOf(claimed)) > rotationBytes) return rename(claimed, `${file}.1`)
  await appendFile(file, await readFile(claimed))
  await rm(claimed)
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
