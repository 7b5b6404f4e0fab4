import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { existsSync } from 'node:fs'
import * as v from 'valibot'
import type { Job } from '../contract/job.ts'
import { errorProblem, hasError, Refusal } from '../contract/problems.ts'
import type { MergeInput } from '../jobs/merge-input.ts'
import { mergeResultSchema, type MergeResult, type Recipe } from '../contract/recipe.ts'
import { parseRecipe } from '../recipes/parse-recipe.ts'
import { resolveDraft } from '../recipes/resolve-recipe.ts'
import { outcome, type Command, type CommandContext, type Outcome } from './command.ts'
import { followJob } from './follow-job.ts'
import { formatNumber, formatTable } from './format.ts'
import { importPaths } from './import.ts'
import { withSession, type Session } from './session.ts'

/** `merge RECIPE`: makes an adapter and adds it to the library. */
export const mergeCommand: Command = {
  name: 'merge',
  summary: 'Merge adapters by a recipe (YAML or JSON) and add the result to the library.',
  takes: 'RECIPE',
  least: 1,
  most: 1,
  options: [{ name: 'out', value: 'DIR', help: "The folder to make; one in the library's outputs when not given." }],
  notes: () => [
    'RECIPE is a file, or "-" for standard input. Adapters in it are paths (relative ones start from the recipe), ids or unique names;',
    'those given by path are added to the library first. "amalgam methods" lists the merge methods.',
  ],
  async run(given, context) {
    const file = given.positionals[0] ?? ''
    const { text, folder } = await readRecipe(file)
    const { draft, problems } = parseRecipe(text)
    if (!draft) return outcome({ problems }, [], problems)
    return withSession(given.value('library'), context, async (session) => {
      // A recipe that is refused for its form adds nothing to the library, but all that is wrong with it is said at once.
      if (hasError(problems)) return refuseDraft(session, text, draft, folder)
      await importMissing(session, draft, folder, context)
      const out = given.value('out')
      return runMerge(session, { recipe: text, relativeTo: folder, ...(out !== undefined && { outFolder: resolve(out) }) }, context)
    })
  },
}

/** The text of a recipe file, and the folder from which its paths start; "-" is standard input. Throws a Refusal. */
export async function readRecipe(file: string): Promise<{ readonly text: string; readonly folder: string }> {
  if (file === '-') return { text: await readAll(process.stdin), folder: process.cwd() }
  try {
    return { text: await readFile(file, 'utf8'), folder: dirname(resolve(file)) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Refusal([
      errorProblem('recipe-not-readable', `The recipe cannot be read: ${reason}.`, {
        where: { path: resolve(file) },
        hint: 'Name a YAML or JSON file, or "-" for standard input.',
      }),
    ])
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

/** Every problem of a recipe whose form is wrong; an adapter that lies at a path but is not in the library yet is none. */
function refuseDraft(session: Session, text: string, draft: Recipe, folder: string): Outcome {
  const { adapters } = session.services.library
  const { problems } = resolveDraft(text, adapters, { relativeTo: folder, device: 'cpu' })
  const onDisk = new Set(
    draft.adapters.flatMap(({ adapter }, index) => (existsSync(resolve(folder, adapter)) ? [`adapters[${index}].adapter`] : [])),
  )
  const all = problems.filter(({ code, where }) => !(code === 'adapter-unknown' && onDisk.has(where?.field ?? '')))
  return outcome({ problems: all }, [], all)
}

/** Brings adapters that the recipe gives by path into the library. What is refused there is refused again, by name, when the recipe is resolved. */
export async function importMissing(
  session: Session,
  recipe: Pick<Recipe, 'adapters'>,
  folder: string,
  context: Pick<CommandContext, 'signal' | 'progress'>,
): Promise<void> {
  const { adapters } = session.services.library
  const missing = recipe.adapters.map((entry) => entry.adapter).filter((reference) => 'code' in adapters.find(reference, folder))
  const paths = [...new Set(missing.map((reference) => resolve(folder, reference)))].filter((path) => existsSync(path))
  if (paths.length === 0) return
  const { items } = await importPaths(session, paths, context)
  const refused = items.filter((item) => item.status === 'refused')
  if (refused.length > 0) throw new Refusal(refused.flatMap((item) => item.problems))
}

/** Runs one merge job to its end; the outcome's JSON is a MergeResult when it is done. Ctrl+C cancels the job. */
export async function runMerge(
  session: Session,
  input: MergeInput,
  context: Pick<CommandContext, 'signal' | 'progress'>,
): Promise<Outcome> {
  const { jobId, problems } = session.services.queue.start('merge', input)
  if (jobId === null) return outcome({ problems }, [], problems)
  const { job, result } = await followJob(session, jobId, context)
  return mergeOutcome(job, result)
}

function mergeOutcome(job: Job, stored: unknown): Outcome {
  if (job.state !== 'done') {
    const said = hasError(job.problems) ? job.problems : [...job.problems, errorProblem('cancelled', `The merge was ${job.state}.`)]
    return outcome({ problems: said }, [], said)
  }
  const result = v.parse(mergeResultSchema, stored)
  return outcome(result, mergeLines(result), result.problems)
}

function mergeLines(result: MergeResult): readonly string[] {
  const worst = Math.max(0, ...result.modules.map((module) => module.discardedEnergy))
  return formatTable([
    ['Made', basename(result.path)],
    ['Lies in', result.path],
    ['Id', result.id],
    ['Rank', String(result.rank)],
    ['Modules', String(result.modules.length)],
    ['Cut away at most', `${formatNumber(100 * worst)} % of a module's norm`],
    ['Fingerprint', result.fingerprint],
    ['Time', `${formatNumber(result.seconds)} s`],
  ])
}
