import { constants } from 'node:fs'
import { access, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { weightsName } from '../recipes/adapter-source.ts'
import { writeProblem } from './file-problems.ts'
import { stopIfAsked } from './import-output.ts'
import type { RunContext } from './runner.ts'

/** The files of an adapter's folder that PEFT reads, and the card that says what it is. */
const needed = [weightsName, 'adapter_config.json']
const cardName = 'README.md'
/** Small enough that the wish to stop is heard at once, large enough for the disk. */
const chunkBytes = 8 << 20

/** Copies weights, config and, where there is one, the card from one folder to another, byte for byte; reports how far it is. */
export async function copyAdapter(from: string, to: string, context: RunContext): Promise<void> {
  for (const name of needed) await copyFile(join(from, name), join(to, name), context)
  if (await isThere(join(from, cardName))) await copyFile(join(from, cardName), join(to, cardName), context)
}

async function copyFile(from: string, to: string, context: RunContext): Promise<void> {
  const source = await openSource(from)
  try {
    const { size } = await source.stat()
    const target = await orRefuse(to, () => open(to, 'wx'))
    try {
      await copyBytes(source, target, { from, to, size, context })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function copyBytes(
  source: FileHandle,
  target: FileHandle,
  { from, to, size, context }: { readonly from: string; readonly to: string; readonly size: number; readonly context: RunContext },
): Promise<void> {
  const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, size)))
  const started = performance.now()
  for (let place = 0; ;) {
    stopIfAsked(context)
    const { bytesRead } = await source.read(chunk, 0, chunk.length, place)
    if (bytesRead === 0 && place < size) throw new Refusal([becameShorter(from)])
    if (bytesRead === 0) return
    await orRefuse(to, () => writeAll(target, chunk.subarray(0, bytesRead)))
    place += bytesRead
    const rate = place / Math.max(0.001, (performance.now() - started) / 1000)
    context.report({
      stage: 'copying',
      fraction: Math.min(1, place / size),
      rate,
      unit: 'bytes',
      etaSeconds: Math.max(0, size - place) / rate,
    })
  }
}

function becameShorter(path: string): Problem {
  const hint = 'Do it again when nothing writes to the file any more, or import it anew if it was replaced.'
  return errorProblem('file-changed', 'The file became shorter while it was copied.', { where: { path }, hint })
}

async function writeAll(target: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await target.write(bytes, done)).bytesWritten
}

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    const hint = 'Put the file back, or allow reading it.'
    throw new Refusal([errorProblem('file-unreadable', `${path} cannot be read: ${code}.`, { where: { path }, hint })])
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

async function orRefuse<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const problem = writeProblem(error, path)
    throw problem ? new Refusal([problem]) : error
  }
}
