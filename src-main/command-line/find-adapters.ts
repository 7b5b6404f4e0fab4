import type { Problem } from '../contract/problems.ts'
import type { AdapterStore } from '../library/adapter-store.ts'

/** Ids of the adapters that the words of a command line mean (id, path or unique name), and a problem for each word that means none. */
export function findAdapters(
  adapters: Pick<AdapterStore, 'find'>,
  references: readonly string[],
): { readonly ids: readonly string[]; readonly problems: readonly Problem[] } {
  const found = references.map((reference) => adapters.find(reference, process.cwd()))
  return {
    ids: found.flatMap((one) => ('code' in one ? [] : [one.id])),
    problems: found.flatMap((one) => ('code' in one ? [one] : [])),
  }
}
