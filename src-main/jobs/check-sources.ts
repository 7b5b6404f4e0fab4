import { dirname } from 'node:path'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { ResolvedSource } from '../contract/recipe.ts'
import { currentStamp } from '../library/read-stamp.ts'

/** The size and time of an adapter's files when the library checked them; null when it does not know the folder. */
export type CheckedStamp = (folder: string) => string | null

/** Problems of source files that are gone, or are not those that the library checked: their hashes would then be wrong. */
export function checkSources(
  job: { readonly adapters: readonly Pick<ResolvedSource, 'name' | 'weightsFile'>[] },
  checkedStamp: CheckedStamp,
): readonly Problem[] {
  return job.adapters.flatMap(({ name, weightsFile }, index) => {
    const folder = dirname(weightsFile)
    const now = currentStamp(folder)
    const where = { field: `adapters[${index}].adapter`, path: weightsFile }
    if (now === null) {
      const hint = 'Put them back, or import them from their new place: the same content is recognised.'
      return [errorProblem('file-missing', `The files of ${name} are not where they were.`, { where, hint })]
    }
    const checked = checkedStamp(folder)
    if (checked === null || checked === now) return []
    const hint = 'Import the folder again: unchanged content is recognised, changed content becomes an adapter of its own.'
    return [errorProblem('file-changed', `The files of ${name} changed after they were checked.`, { where, hint })]
  })
}
