import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { curvePointSchema, trialSchema } from '../contract/adapt.ts'
import { writeFileWhole } from '../platform/write-file.ts'

const journalSchema = v.object({
  schema: v.literal(1),
  /** The chosen adapters, by whose names coefficients are called. */
  adapters: v.array(v.object({ id: v.string(), name: v.string() })),
  /** Of the optimiser, before the generation that is open. */
  search: v.unknown(),
  trials: v.array(trialSchema),
  curve: v.array(curvePointSchema),
  tokens: v.number(),
  seconds: v.number(),
})
/** All that a search has found out by the end of a generation. */
export type SearchJournal = v.InferOutput<typeof journalSchema>

const journalName = 'search.json'

/** What an earlier run of the same search left in its work folder; null where there is nothing, or nothing whole. */
export async function readSearchJournal(folder: string): Promise<SearchJournal | null> {
  try {
    return v.parse(journalSchema, JSON.parse(await readFile(join(folder, journalName), 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError || v.isValiError(error)) return null
    throw error
  }
}

/** Replaces the journal as a whole: after a crash it is the old one or the new one. */
export async function writeSearchJournal(folder: string, journal: SearchJournal): Promise<void> {
  await writeFileWhole(join(folder, journalName), JSON.stringify(journal))
}
