/** A part of the demo kit in a library: its base model, a task, and some adapters. */
import { join } from 'node:path'
import type { Services } from '../../../src-main/ipc/services.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'

/** Different ranks, targets and scalings; the first is for the task. */
export const poolNames = ['sentiment-r16', 'topic-r4-attention', 'rude-r16'] as const

/** Adds them; ids in the order of the names. */
export async function addDemo({
  importer,
  bases,
  library,
}: Pick<Services, 'importer' | 'bases' | 'library'>): Promise<{ readonly baseId: string; readonly ids: readonly string[] }> {
  await importer.finished(importer.start(poolNames.map((name) => join(demoAdapters, name))).id!)
  const ids = poolNames.map((name) => (library.adapters.find(join(demoAdapters, name)) as { readonly id: string }).id)
  const baseId = await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
  await library.tasks.add(join(demoKit, 'tasks', 'sentiment.task.json'))
  await library.bases.readShapes()
  return { baseId, ids }
}
