import { realpath } from 'node:fs/promises'
import type { ImportItem } from '../contract/import-report.ts'
import { importAdapter, notListed, settledItem, type Admission } from './import-adapter.ts'
import { folderUnreadable } from './read-adapter.ts'
import { isSystemError, reasonOf } from './read-file.ts'
import type { ImportTools } from './run-import.ts'

/**
 * Takes in the one adapter in `folder`, before everything else that waits, and resolves when it is checked. Subfolders are not looked at.
 * A pending item means that it could not be checked; its problems say why.
 */
export async function importSingle(folder: string, admission: Admission, tools: ImportTools, signal: AbortSignal): Promise<ImportItem> {
  const { adapters, pool, settler, emitChanged, log, now } = tools
  let real: string
  try {
    real = await realpath(folder)
  } catch (error) {
    if (!isSystemError(error)) throw error
    return notListed(folder, folderUnreadable(folder, reasonOf(error)))
  }
  // Made by the app just now, so that nothing known of this place holds.
  const [result] = await pool.run('read', [{ folder: real, known: null }], { signal, urgent: true })
  if (!result) throw new Error(`the importer was closed before it read ${folder}`)
  if (result.kind === 'failed') log.error('an adapter could not be read', { path: real, error: result.reason })
  const { item, pending } = adapters.writes.together(() => importAdapter(adapters, result, admission, now()))
  if (item.id !== null) emitChanged([item.id])
  if (pending === null) return item
  const settled = await settler.settle(pending, { signal, urgent: true })
  if (settled.kind !== 'known') {
    const problem = settled.kind === 'unchecked' ? settled.problem : null
    return problem ? { ...item, problems: [problem, ...item.problems] as ImportItem['problems'] } : item
  }
  const [row] = adapters.byIds([settled.id])
  return row ? settledItem(real, row, settled.duplicate) : item
}
