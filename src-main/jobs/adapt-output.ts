import { basename, join } from 'node:path'
import type { Lineage } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'
import type { AdaptContext, AdaptServices } from './adapt-types.ts'
import { importOutput, stopIfAsked, type MadeOrigin } from './import-output.ts'
import { folderName, freeFolder, makeOutputFolder, writeOutputFile, type OutputFolder } from './output-folder.ts'

/** An adapter that is about to be written. */
export interface NewOutput {
  readonly origin: Exclude<MadeOrigin, 'merged'>
  /** Bytes of its weights file, for the look at the disk. */
  readonly bytes: number
  readonly lineage: Lineage
  /** Writes the weights. */
  writeWeights(file: string): Promise<void>
  /** adapter_config.json. */
  readonly config: string
  /** README.md; it says how the folder's name is. */
  readonly card: (folderName: string) => string
}

/** An adapter that was written and taken in. */
export interface WrittenOutput {
  readonly id: string
  readonly path: string
  readonly problems: readonly Problem[]
}

/**
 * Writes an adapter beside the others and takes it in through the one door. `measure` looks at it there; where that fails or the job is stopped, the
 * library keeps nothing of it.
 */
export async function writeAdapter(
  output: NewOutput,
  services: AdaptServices,
  context: AdaptContext,
  measure: (written: WrittenOutput) => Promise<void>,
): Promise<WrittenOutput> {
  const target = freeFolder(services.outputsFolder(), folderName(context.title))
  context.keep({ provenance: { folder: target } })
  const folder = await makeOutputFolder(target, context.jobId, output.bytes)
  let taken: string | null = null
  try {
    await writeFiles(folder, output)
    stopIfAsked(context)
    await folder.publish()
    const { origin, lineage } = output
    const remove = (ids: readonly string[]): void => services.adapters.remove(ids)
    const facts = { origin, lineage, name: context.title, jobId: context.jobId }
    const item = await importOutput({ importFolder: services.importFolder, remove }, target, facts, context)
    if (item.status !== 'duplicate') taken = item.id
    const written = { id: item.id, path: target, problems: item.problems }
    await measure(written)
    stopIfAsked(context)
    return written
  } catch (error) {
    if (taken !== null) services.adapters.remove([taken])
    // What went wrong first is what is told.
    await folder.discard().catch((second: unknown) => context.note(`the unfinished output could not be removed: ${String(second)}`))
    throw error
  }
}

async function writeFiles({ temporary, target }: OutputFolder, { writeWeights, config, card }: NewOutput): Promise<void> {
  await writeWeights(join(temporary, 'adapter_model.safetensors'))
  await writeOutputFile(join(temporary, 'adapter_config.json'), config)
  await writeOutputFile(join(temporary, 'README.md'), card(basename(target)))
}
