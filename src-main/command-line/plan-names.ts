import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { PlanFile } from '../contract/plan.ts'
import type { CommandContext } from './command.ts'
import { findBase, findSubjects, findTasks } from './find-evaluated.ts'
import type { Session } from './session.ts'

type Terminal = Pick<CommandContext, 'signal' | 'progress'>

/**
 * The plan with the names of this library: what it names by a path (relative ones start from `folder`) is added or imported first, and named as the library
 * does. Throws a Refusal for a base model or an adapter that is not there; tasks are checked when the plan is resolved.
 */
export async function withLibraryNames(session: Session, file: PlanFile, folder: string, context: Terminal): Promise<PlanFile> {
  const { adapters, bases } = session.services.library
  const placed = (word: string): string => (existsSync(resolve(folder, word)) ? resolve(folder, word) : word)
  const baseId = await findBase(session, placed(file.base), context)
  const { ids: tasks } = await findTasks(session, file.tasks.map((task) => (session.services.library.tasks.get(task) ? task : placed(task)))) // prettier-ignore
  const subjects = file.pool.length > 0 ? await findSubjects(session, file.pool.map(placed), context) : []
  const pool = subjects.flatMap((subject) => (subject.kind === 'adapter' ? [subject.adapterId] : []))
  return {
    ...file,
    base: nameOf(baseId, bases.get(baseId)?.name, (name) => bases.find(name)),
    tasks: [...tasks],
    pool: pool.map((id) => nameOf(id, adapters.get(id)?.name, (name) => adapters.find(name))),
  }
}

/** The name of something, when no other has it; else its id. */
function nameOf(id: string, name: string | undefined, find: (name: string) => { readonly id: string } | { readonly code: string }): string {
  const found = name === undefined ? null : find(name)
  return found && 'id' in found && found.id === id ? name! : id
}
