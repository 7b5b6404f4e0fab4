import { randomUUID } from 'node:crypto'
import { copyFile, constants, link, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AdapterDetail } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'
import { writeProblem } from '../jobs/file-problems.ts'
import type { AdapterStore } from '../library/adapter-store.ts'
import { unknownAdapter } from '../library/edit-adapters.ts'

/** Version of the files' shape. */
export const metadataSchema = 1
const suffix = '.amalgam.json'
/** Longest name before the suffix, in characters; file systems allow 255 bytes. */
const longestName = 60

/**
 * Writes what the library itself knows of adapters into `folder` (made when missing), one JSON file each: `<name>.amalgam.json`, with a number
 * where the name is taken. Nothing is overwritten, and a file is there whole or not at all. Stops at the first file that cannot be written.
 */
export async function exportMetadata(
  adapters: Pick<AdapterStore, 'get'>,
  ids: readonly string[],
  folder: string,
): Promise<{ readonly paths: string[]; readonly problems: Problem[] }> {
  const paths: string[] = []
  const problems: Problem[] = []
  for (const id of new Set(ids)) {
    const adapter = adapters.get(id)
    if (!adapter) {
      problems.push(unknownAdapter(id))
      continue
    }
    try {
      await mkdir(folder, { recursive: true })
      paths.push(await writeNew(folder, safeName(adapter.name), `${JSON.stringify(metadataOf(adapter), null, 2)}\n`))
    } catch (error) {
      const problem = writeProblem(error, folder)
      if (!problem) throw error
      return { paths, problems: [...problems, problem] }
    }
  }
  return { paths, problems }
}

/** What the library knows beyond the files: no places, so that a file can be handed on. */
function metadataOf(adapter: AdapterDetail): unknown {
  const { name, tags, collections, notes, favourite, contentHash, tensorHash, lineage, problems, addedAt } = adapter
  const said = problems.map(({ where, ...problem }) => {
    const { path: _path, ...place } = where ?? {}
    return Object.keys(place).length > 0 ? { ...problem, where: place } : problem
  })
  return { amalgam: 'adapter', schema: metadataSchema, name, tags, collections, notes, favourite, contentHash, tensorHash, lineage, problems: said, addedAt } // prettier-ignore
}

/** A name that every file system takes: letters, digits and a few marks, none of them at the ends; names of devices get an end of their own. */
function safeName(name: string): string {
  const plain = name.normalize('NFC').replaceAll(/[^\p{L}\p{N} ._()+-]+/gu, '_').replaceAll(/\s+/g, ' ') // prettier-ignore
  const short = [...plain].slice(0, longestName).join('').replaceAll(/^[ .]+|[ .]+$/g, '') // prettier-ignore
  if (short === '') return 'adapter'
  return /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(short) ? `${short}_` : short
}

/** Writes `text` to a file of this name that does not exist yet; a number is added until one is free. Answers with its path. */
async function writeNew(folder: string, name: string, text: string): Promise<string> {
  const temporary = join(folder, `.${randomUUID()}.partial`)
  try {
    const handle = await open(temporary, 'wx')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    for (let number = 1; ; number++) {
      const path = join(folder, `${name}${number === 1 ? '' : ` ${number}`}${suffix}`)
      if (await moved(temporary, path)) return path
    }
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Where a disk knows no links (memory sticks), linking fails with one of these. */
const noLinks: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])

/** Gives a whole file its name; false when something has that name already. Unlike a rename, a link never replaces anything. */
async function moved(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (!noLinks.has(error.code)) throw error
      return copyFile(temporary, path, constants.COPYFILE_EXCL)
    })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}
