import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import type { MergeDraft } from './merge-draft.ts'
import { draftOf } from './merge-recipe.ts'

/** The draft that a recipe's text spells, or the problems for which it cannot be read. Names and paths become the library's adapters. */
export async function readRecipe(
  bridge: Bridge,
  text: string,
): Promise<{ readonly draft: MergeDraft | null; readonly problems: readonly Problem[] }> {
  const answer = await bridge.call('merge.readRecipe', { text })
  if (!answer.ok) return { draft: null, problems: answer.problems }
  const { recipe, problems } = answer.value
  if (recipe === null) return { draft: null, problems }
  const references = [...new Set(recipe.adapters.map(({ adapter }) => adapter))]
  return { draft: draftOf(recipe, await findAdapters(bridge, references)), problems }
}

/** The library's adapter for each reference (id, unique name or known path); what is not found or not unique is left out. */
async function findAdapters(bridge: Bridge, references: readonly string[]): Promise<ReadonlyMap<string, AdapterRow>> {
  const found = new Map<string, AdapterRow>()
  if (references.length === 0) return found
  const byId = await bridge.call('library.byIds', { ids: [...references] })
  if (byId.ok) for (const row of byId.value) found.set(row.id, row)
  for (const reference of references.filter((candidate) => !found.has(candidate))) {
    const row = await findByName(bridge, reference)
    if (row) found.set(reference, row)
  }
  return found
}

async function findByName(bridge: Bridge, reference: string): Promise<AdapterRow | null> {
  const answer = await bridge.call('library.list', { text: reference, limit: 1000 })
  if (!answer.ok) return null
  const matches = answer.value.rows.filter((row) => row.name === reference || row.paths.includes(reference))
  return matches.length === 1 ? (matches[0] ?? null) : null
}
