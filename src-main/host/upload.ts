import { createWriteStream } from 'node:fs'
import { mkdir, realpath, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { errorProblem, Refusal, shownValue } from '../contract/problems.ts'
import { failureProblem } from '../jobs/failure-problems.ts'
import { isInside } from './path-access.ts'

/** Largest file that may be copied into the inbox, and largest drop, in bytes. */
export const uploadLimits = { fileBytes: 8_000_000_000, dropBytes: 64_000_000_000 }
export type UploadLimits = typeof uploadLimits

const longestPath = 1000
const deepestPath = 24
/** What file systems take as one name, in bytes of UTF-8. */
const longestNameBytes = 255

/** Takes files dropped into a browser window into the library's inbox. */
export interface Inbox {
  /** Writes one file to `drop`/`relativePath` and answers with the drop's folder. Refuses whatever could leave that folder or replace a file. */
  receive(drop: string, relativePath: string, body: Readable): Promise<string>
}

/** The inbox in `folder`, which need not exist yet. */
export function createInbox(folder: string, limits: UploadLimits = uploadLimits): Inbox {
  const dropBytes = new Map<string, number>()

  function meter(drop: string): Transform {
    let fileBytes = 0
    return new Transform({
      transform(chunk: Buffer, _encoding, next) {
        fileBytes += chunk.length
        const total = (dropBytes.get(drop) ?? 0) + chunk.length
        dropBytes.set(drop, total)
        if (fileBytes > limits.fileBytes) next(tooLarge('The file', limits.fileBytes))
        else if (total > limits.dropBytes) next(tooLarge('What was dropped', limits.dropBytes))
        else next(null, chunk)
      },
    })
  }

  return {
    async receive(drop, relativePath, body) {
      const parts = checkedParts(drop, relativePath)
      const dropFolder = join(folder, drop)
      const file = join(dropFolder, ...parts)
      let made = false
      try {
        await mkdir(dirname(file), { recursive: true })
        if (!isInside(await realpath(folder), await realpath(dirname(file)))) throw notAllowed(relativePath)
        const out = createWriteStream(file, { flags: 'wx' })
        out.once('open', () => (made = true))
        await pipeline(body, meter(drop), out)
      } catch (error) {
        // What stood there before is not removed.
        if (made) await rm(file, { force: true })
        throw explained(error, relativePath)
      }
      return dropFolder
    },
  }
}

function checkedParts(drop: string, relativePath: string): readonly string[] {
  if (!/^[\w-]{1,64}$/.test(drop))
    throw new Refusal([
      errorProblem('request-invalid', `A drop is named by letters, digits, "-" and "_", not ${shownValue(drop)}.`, {
        where: { field: 'drop', value: shownValue(drop) },
      }),
    ])
  const parts = relativePath.split('/')
  const fits = relativePath.length <= longestPath && parts.length <= deepestPath
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !hasForbiddenCharacter(part) && nameFits(part))
  if (!fits || !plain) throw notAllowed(relativePath)
  return parts
}

function nameFits(part: string): boolean {
  return part.isWellFormed() && Buffer.byteLength(part) <= longestNameBytes
}

/** Control characters and what separates paths, drives and streams on any system. */
function hasForbiddenCharacter(part: string): boolean {
  return [...part].some((character) => character < ' ' || character === '\\' || character === ':' || character === '\x7f')
}

function notAllowed(path: string): Refusal {
  return new Refusal([
    errorProblem('path-not-allowed', `A dropped file cannot be stored as ${shownValue(path)}.`, {
      where: { field: 'path', value: shownValue(path) },
      hint: `Use a relative path of at most ${longestPath} characters and ${deepestPath} parts, without "..", "\\" and ":".`,
    }),
  ])
}

function tooLarge(what: string, limit: number): Refusal {
  return new Refusal([errorProblem('request-invalid', `${what} is larger than ${limit} bytes.`, { allowed: [`at most ${limit} bytes`] })])
}

function explained(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EEXIST')
    return new Refusal([errorProblem('output-exists', `${path} was already copied in this drop.`, { where: { path } })])
  const problem = failureProblem(error)
  return problem ? new Refusal([problem]) : error
}
