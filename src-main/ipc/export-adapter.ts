import { constants } from 'node:fs'
import { copyFile, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { AdapterDetail } from '../contract/adapter.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { writeProblem } from '../jobs/file-problems.ts'
import { makeOutputFolder, writeOutputFile } from '../jobs/output-folder.ts'

/** The files of an adapter's folder that PEFT reads, and the card that says what it is. */
const weightsName = 'adapter_model.safetensors'
const configName = 'adapter_config.json'
const cardName = 'README.md'

/** Where the copy lies, or why there is none. */
export interface Exported {
  readonly path: string | null
  readonly problems: readonly Problem[]
}

/**
 * Copies an adapter's weights, config and card to the new folder `target`: made beside it under another name, fsynced and renamed, so that it is
 * whole or not there. Refuses a target that exists and an adapter that PEFT could not load or that is no longer where it was.
 */
export async function exportAdapter(adapter: AdapterDetail, target: string): Promise<Exported> {
  try {
    if (adapter.status === 'refused') throw new Refusal(adapter.problems)
    const source = await sourceFolder(adapter)
    const sizeBytes = (await stat(join(source, weightsName))).size
    const folder = await makeOutputFolder(target, adapter.id, sizeBytes)
    try {
      await copyNew(join(source, weightsName), join(folder.temporary, weightsName))
      await writeOutputFile(join(folder.temporary, configName), await readFile(join(source, configName), 'utf8'))
      if (await isFile(join(source, cardName))) await copyNew(join(source, cardName), join(folder.temporary, cardName))
      await folder.publish()
    } catch (error) {
      await folder.discard()
      throw error
    }
    return { path: target, problems: adapter.problems.filter((problem) => problem.severity === 'warning') }
  } catch (error) {
    if (error instanceof Refusal) return { path: null, problems: error.problems }
    throw error
  }
}

/** The first of the adapter's places that still holds both files. */
async function sourceFolder(adapter: AdapterDetail): Promise<string> {
  for (const path of adapter.paths) if ((await isFile(join(path, weightsName))) && (await isFile(join(path, configName)))) return path
  throw new Refusal([
    errorProblem('file-missing', `The files of "${adapter.name}" are not where they were.`, {
      where: { path: adapter.paths.join(', ') },
      hint: 'Put them back, or import the adapter from where it lies now.',
    }),
  ])
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isFile(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}

async function copyNew(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  } catch (error) {
    const problem = writeProblem(error, to)
    throw problem ? new Refusal([problem]) : error
  }
}
