import { existsSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { Subject } from '../contract/run.ts'
import { parseRecipe } from '../recipes/parse-recipe.ts'
import type { CommandContext } from './command.ts'
import { findAdapters } from './find-adapters.ts'
import { importMissing, readRecipe } from './merge.ts'
import type { Session } from './session.ts'

type Terminal = Pick<CommandContext, 'signal' | 'progress'>

/** The base model that a word means: id, name or path. One that lies at a path and is not in the library is added first. Throws a Refusal. */
export async function findBase({ services }: Session, reference: string, context: Terminal): Promise<string> {
  const { bases } = services.library
  await services.bases.rescan()
  const found = bases.find(reference, process.cwd())
  const path = resolve(reference)
  if ('code' in found && !existsSync(path)) throw new Refusal([found])
  const { id, problems } = 'code' in found ? await services.bases.add(path) : { ...found, problems: [] }
  if (id === null) throw new Refusal(problems)
  if (bases.get(id)?.status !== 'checking') return id
  context.progress('reading the base model to know it again')
  services.bases.takeUp()
  return services.bases.settled(id)
}

/** The tasks that words mean: ids or paths. Tasks that lie at a path are added first; the library knows when they are there already. Throws a Refusal. */
export async function findTasks(
  { services }: Session,
  references: readonly string[],
): Promise<{ readonly ids: readonly string[]; readonly problems: readonly Problem[] }> {
  const { tasks } = services.library
  const ids: string[] = []
  const problems: Problem[] = []
  for (const reference of references) {
    if (tasks.get(reference) || !existsSync(resolve(reference))) {
      ids.push(reference)
      continue
    }
    const added = await tasks.add(resolve(reference))
    if (hasError(added.problems)) throw new Refusal(added.problems)
    ids.push(...added.ids)
    problems.push(...added.problems)
  }
  return { ids: [...new Set(ids)], problems }
}

/** The adapters that words mean: ids, unique names or paths; what lies at a path is imported first. Throws a Refusal. */
export async function findSubjects(session: Session, references: readonly string[], context: Terminal): Promise<readonly Subject[]> {
  const entries = references.map((adapter) => ({ adapter }))
  await importMissing(session, { adapters: entries }, process.cwd(), context)
  const { ids, problems } = findAdapters(session.services.library.adapters, references)
  if (problems.length > 0) throw new Refusal(problems)
  return ids.map((adapterId) => ({ kind: 'adapter', adapterId, coefficient: 1 }))
}

/** A recipe file as a subject, its adapters named by id; those given by path are imported first. Throws a Refusal. */
export async function findRecipe(session: Session, file: string, context: Terminal): Promise<Subject> {
  const { text, folder } = await readRecipe(file)
  const { draft, recipe, problems } = parseRecipe(text)
  if (!draft || hasError(problems)) throw new Refusal(problems)
  await importMissing(session, draft, folder, context)
  const adapters = draft.adapters.map((entry) => {
    const found = session.services.library.adapters.find(entry.adapter, folder)
    // One that is not found is refused by name when the recipe is resolved.
    return 'code' in found ? entry : { ...entry, adapter: found.id }
  })
  return { kind: 'recipe', name: recipe?.output.name ?? nameOf(file), recipe: { ...draft, adapters } }
}

/** What an unnamed recipe is called: as its file. */
function nameOf(file: string): string {
  return file === '-' ? 'recipe' : basename(file, extname(file))
}
