import type { AdapterOrigin, Lineage } from '../contract/adapter.ts'
import type { ImportItem } from '../contract/import-report.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'
import type { RunContext } from './runner.ts'

/** How adapters come in that the app made. */
export type MadeOrigin = Extract<AdapterOrigin, 'merged' | 'tuned' | 'trained'>

/** What taking a finished output into the library needs. */
export interface OutputImport {
  /** The one door for adapters; resolves when all checks are done. */
  readonly importFolder: (
    folder: string,
    options: { readonly origin: MadeOrigin; readonly lineage: Lineage; readonly name: string; readonly jobId: string },
  ) => Promise<ImportItem>
  /** Forgets rows; files are not touched. */
  readonly remove: (ids: readonly string[]) => void
}

/**
 * Takes a finished output into the library. Refuses with the import's problems when it is not accepted, and with `cancelled` as soon as the
 * job is asked to stop; in both cases the library keeps no row of it, and the caller removes the folder.
 */
export async function importOutput(
  { importFolder, remove }: OutputImport,
  folder: string,
  facts: { readonly origin: MadeOrigin; readonly lineage: Lineage; readonly name: string; readonly jobId: string },
  context: RunContext,
): Promise<ImportItem & { readonly id: string }> {
  const forget = (item: ImportItem) => {
    if (item.id !== null && item.status !== 'duplicate') remove([item.id])
  }
  const imported = importFolder(folder, facts)
  const item = await Promise.race([imported, stopOf(context.signal)])
  if (item === 'stop') {
    // An import has no way to stop: what it makes of the removed folder is forgotten when it has ended.
    imported.then(forget).catch((error: unknown) => context.note(`the import of the cancelled output ended with: ${String(error)}`))
    throw cancelled()
  }
  if (item.status !== 'refused' && item.id !== null) return { ...item, id: item.id }
  forget(item)
  throw new Refusal(item.problems)
}

/** Throws the refusal `cancelled` when the job was asked to stop. */
export function stopIfAsked({ signal }: RunContext): void {
  if (signal.aborted) throw cancelled()
}

function cancelled(): Refusal {
  return new Refusal([errorProblem('cancelled', 'The work was cancelled.')])
}

function stopOf(signal: AbortSignal): Promise<'stop'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stop')
    signal.addEventListener('abort', () => resolve('stop'), { once: true })
  })
}
