import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { isAlive, processToken } from '../jobs/process-token.ts'

const holderSchema = v.object({
  host: v.string(),
  /** Names the processes that this one can see: machine start and process space. Only among them can one be asked whether it runs. */
  space: v.string(),
  process: v.string(),
  since: v.string(),
})
/** Who holds a lock. */
export type LockHolder = v.InferOutput<typeof holderSchema>

/** A lock that is held until `release`. `lost` is aborted when another process took it over, which it may after long silence. */
export interface JobLock {
  readonly lost: AbortSignal
  release(): Promise<void>
}

export interface LockTimes {
  /** How often the holder shows that it runs, in milliseconds. */
  readonly beatMs: number
  /** Silence after which a holder on another machine counts as ended; well above what a network file system remembers. */
  readonly silentMs: number
}

const usualTimes: LockTimes = { beatMs: 15_000, silentMs: 120_000 }

/**
 * Takes the lock `name` in a folder that several machines may share, or says who holds it. Each holder makes the file of the next number, which only one
 * process can (exclusive creation), so that of several that see the same dead holder one takes over. A holder on this machine is asked whether it runs;
 * one elsewhere counts as ended when its file was not written for `silentMs`, by the clock of the disk.
 */
export async function takeLock(
  folder: string,
  name: string,
  times: LockTimes = usualTimes,
  me: LockHolder = thisProcess(),
): Promise<{ readonly lock: JobLock } | { readonly heldBy: LockHolder }> {
  await mkdir(folder, { recursive: true })
  const numbers = await numbersIn(folder, name)
  const last = numbers.at(-1) ?? 0
  const holder = last === 0 ? null : await livingHolder(folder, name, last, times, me)
  if (holder) return { heldBy: holder }
  const mine = last + 1
  const file = fileOf(folder, name, mine)
  const text = JSON.stringify(me)
  if (!(await create(file, text))) return takeLock(folder, name, times, me)
  // Another one may have come and gone since the look above.
  if ((await numbersIn(folder, name)).some((number) => number > mine)) {
    await rm(file, { force: true })
    return takeLock(folder, name, times, me)
  }
  await Promise.all(numbers.map((number) => rm(fileOf(folder, name, number), { force: true })))
  return { lock: hold(folder, name, mine, text, times) }
}

/** Who holds the lock now; null when nobody does. */
export async function lockHolder(folder: string, name: string, times: LockTimes = usualTimes): Promise<LockHolder | null> {
  const last = (await numbersIn(folder, name)).at(-1)
  return last === undefined ? null : livingHolder(folder, name, last, times, thisProcess())
}

function hold(folder: string, name: string, mine: number, text: string, { beatMs }: LockTimes): JobLock {
  const lost = new AbortController()
  const file = fileOf(folder, name, mine)
  let beating: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    beating = beating.then(beat)
  }, beatMs)
  timer.unref()

  async function beat(): Promise<void> {
    try {
      // Written, not touched: the time is then the disk's own, whatever this machine's clock says.
      const handle = await open(file, 'r+')
      await handle.write(text, 0)
      await handle.close()
      const isTaken = (await numbersIn(folder, name)).some((number) => number > mine)
      if (isTaken) lost.abort()
    } catch (error) {
      // A file that is gone was removed by the one that took over; a disk that does not answer may do so at the next beat.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') lost.abort()
    }
  }

  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer)
      await beating
      await rm(file, { force: true })
    },
  }
}

/** The holder, as far as it lives. */
async function livingHolder(
  folder: string,
  name: string,
  number: number,
  { silentMs }: LockTimes,
  me: LockHolder,
): Promise<LockHolder | null> {
  const seen = await look(fileOf(folder, name, number))
  if (!seen) return null
  const { holder, writtenMs } = seen
  if (holder && holder.space === me.space && holder.host === me.host) return isAlive(holder.process) ? holder : null
  const isSilent = (await diskTime(folder)) - writtenMs > silentMs
  return isSilent ? null : (holder ?? { host: 'unknown', space: '', process: '', since: '' })
}

/** Opening it makes a network file system ask the server how old it is. */
async function look(file: string): Promise<{ readonly holder: LockHolder | null; readonly writtenMs: number } | null> {
  try {
    const handle = await open(file, 'r')
    try {
      const text = await handle.readFile('utf8')
      return { holder: parsed(text), writtenMs: (await handle.stat()).mtimeMs }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Null while its process has made the file and not yet written it. */
function parsed(text: string): LockHolder | null {
  try {
    return v.parse(holderSchema, JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError || v.isValiError(error)) return null
    throw error
  }
}

async function diskTime(folder: string): Promise<number> {
  const file = join(folder, `.time-${randomUUID()}`)
  try {
    const handle = await open(file, 'wx')
    try {
      await handle.write('t')
      await handle.sync()
      return (await handle.stat()).mtimeMs
    } finally {
      await handle.close()
    }
  } finally {
    await rm(file, { force: true })
  }
}

async function create(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx')
    try {
      await handle.write(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function numbersIn(folder: string, name: string): Promise<readonly number[]> {
  const start = `${name}.lock.`
  try {
    const numbers = (await readdir(folder)).filter((file) => file.startsWith(start)).map((file) => Number(file.slice(start.length)))
    return numbers.filter((number) => Number.isSafeInteger(number) && number > 0).sort((left, right) => left - right)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function fileOf(folder: string, name: string, number: number): string {
  return join(folder, `${name}.lock.${number}`)
}

/** This process, as locks name it. */
export function thisProcess(): LockHolder {
  return { host: hostname(), space: processSpace(), process: processToken(), since: new Date().toISOString() }
}

function processSpace(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    // Other systems tell neither: the host's name has to do.
    return ''
  }
}
