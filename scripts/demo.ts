/**
 * npm run demo: the whole story without a window. Imports the demo pool and adapters as they are found in the wild, merges three unlike adapters exactly
 * and cut to a rank, verifies both results against a recomputation from the source files, evaluates them on one task, and asks on another one whether
 * recycling is worth it: the quick-look plan, its verdict and its report. Progress goes to stderr. Ends with an error when a verification fails or a
 * job of the plan does.
 *   npm run demo -- [--library DIR] [--task TASK] [--out DIR] [--without-plan]
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { evaluate, runTable } from '../src-main/command-line/eval.ts'
import { findBase, findSubjects, findTasks } from '../src-main/command-line/find-evaluated.ts'
import { formatNumber, formatProblem } from '../src-main/command-line/format.ts'
import { importPaths } from '../src-main/command-line/import.ts'
import { runMerge } from '../src-main/command-line/merge.ts'
import { createProgressLine } from '../src-main/command-line/progress-line.ts'
import { withSession, type Session } from '../src-main/command-line/session.ts'
import { planPresets } from '../src-main/contract/plan-presets.ts'
import type { ImportReport } from '../src-main/contract/import-report.ts'
import { hasError, Refusal } from '../src-main/contract/problems.ts'
import type { MergeResult, RecipeInput } from '../src-main/contract/recipe.ts'
import { evaluateInputSchema, type Subject } from '../src-main/contract/run.ts'
import { makeWildAdapters } from '../tests/fixtures/make-wild.ts'
import { takeQuickLook } from './demo-plan.ts'
import { exactLimit, truncationLimit, verifyMerge, type Verification } from './demo-verify.ts'

const demo = join(import.meta.dirname, '..', 'resources', 'demo')
const pool = join(demo, 'adapters')
/** The task that the merge is evaluated on; the first ingredient was trained for it. */
const mergeTask = 'sentiment'
/** Unlike ranks (16, 4, 32), unlike target modules (seven, four, seven) and unlike signs. */
const ingredients = [
  { name: 'sentiment-r16', coefficient: 0.7 },
  { name: 'topic-r4-attention', coefficient: 0.4 },
  { name: 'travel-r32', coefficient: -0.2 },
].map(({ name, coefficient }) => ({ folder: join(pool, name), coefficient }))

const { values } = parseArgs({
  options: {
    library: { type: 'string' },
    /** The task of the quick look: one that no adapter of the pool was trained on. */
    task: { type: 'string', default: 'smaller' },
    /** Where the report goes; into the library's folder when not given. */
    out: { type: 'string' },
    'without-plan': { type: 'boolean', default: false },
  },
})
const tasks = readdirSync(join(demo, 'tasks')).flatMap((name) => name.match(/^(.+)\.task\.json$/)?.[1] ?? [])
if (!tasks.includes(values.task)) {
  console.error(`There is no task ${values.task} in the demo kit. Allowed: ${tasks.join(', ')}.`)
  process.exit(2)
}

const libraryFolder = values.library ?? mkdtempSync(join(tmpdir(), 'amalgam-demo-'))
const line = createProgressLine((text) => process.stderr.write(text), process.stderr.isTTY)
const terminal = { signal: new AbortController().signal, progress: line.show, codeFolder: import.meta.dirname }
const say = (...lines: readonly string[]): void => {
  line.clear()
  console.log(lines.join('\n'))
}

try {
  const failed = await withSession(libraryFolder, terminal, demonstrate)
  say('', failed.length === 0 ? `Everything was verified. The library is in ${libraryFolder}` : `Failed: ${failed.join(', ')}.`)
  process.exitCode = failed.length === 0 ? 0 : 3
} catch (error) {
  line.clear()
  if (!(error instanceof Refusal)) throw error
  console.error(error.problems.flatMap(formatProblem).join('\n'))
  process.exitCode = 3
}

/** Runs every part and answers with what failed. */
async function demonstrate(session: Session): Promise<readonly string[]> {
  const known = await importPaths(session, [pool], terminal, ['demo'])
  say(`1. The demo pool: ${importWords(known)}`)

  const wild = join(libraryFolder, 'wild')
  if (!existsSync(wild)) {
    mkdirSync(wild, { recursive: true })
    makeWildAdapters(wild)
  }
  say(`2. Adapters as they are found in the wild: ${importWords(await importPaths(session, [wild], terminal, ['wild']))}`)

  const exact = await merge(session, { method: 'concat', adapters: adaptersOfRecipe(), output: { name: 'demo-concat' } })
  const exactly = verifyMerge(ingredients, exact)
  const exactHolds = exactly.worstError <= exactLimit && exactly.worstReport <= exactLimit
  say(
    `3. Three adapters of unlike rank, targets and sign, merged exactly: rank ${exact.rank}, ${exactly.modules} target modules`,
    `   Relative error ${formatNumber(exactly.worstError)} at most, against the sum recomputed in double from the source files`,
    `   Verified: ${holdsWord(exactHolds)}. Lies in ${exact.path}`,
  )

  const cut = await merge(session, { method: 'linear', adapters: adaptersOfRecipe(), output: { rank: 16, name: 'demo-linear' } })
  const nearly = verifyMerge(ingredients, cut)
  const cutHolds = nearly.worstExcess <= truncationLimit && nearly.worstReport <= truncationLimit
  say(`4. The same sum, cut to rank ${cut.rank}: ${cutWords(cut, nearly)}`, `   Verified: ${holdsWord(cutHolds)}. Lies in ${cut.path}`)

  say(`5. The task "${mergeTask}": base model, sources and the exact merge`, ...(await evaluateAll(session, exact.id)).map(indented))
  return [
    ...(exactHolds ? [] : ['the exact merge is not the sum']),
    ...(cutHolds ? [] : ['the cut merge is not the best of its rank']),
    ...(values['without-plan'] ? [] : await askWhetherWorthIt(session, known)),
  ]
}

/** The quick look: its verdict in words, and its report. */
async function askWhetherWorthIt(session: Session, { items }: ImportReport): Promise<readonly string[]> {
  say(
    `6. Is recycling worth it on "${values.task}"? The quick look: ${planPresets[0]!.plan.arms.length} arms on the same labelled examples`,
  )
  const { adapters, bases } = session.services.library
  const baseId = await findBase(session, join(demo, 'base-model'), terminal)
  await findTasks(session, [join(demo, 'tasks', `${values.task}.task.json`)])
  // By name, as a person writes a plan, and in the order of the names, so that ties in a selection fall alike in every library.
  const names = items.flatMap(({ id }) => (id === null ? [] : (adapters.get(id)?.name ?? []))).sort()
  const folder = values.out === undefined ? libraryFolder : resolve(values.out)
  const found = await takeQuickLook(
    session,
    { base: bases.get(baseId)?.name ?? baseId, pool: names, task: values.task },
    folder,
    terminal.progress,
  )
  const { headline, statement, strength, toDecide, jobs, seconds, aloneSeconds, path } = found
  say(
    ...['', headline, statement, strength, ...(toDecide === null ? [] : [toDecide]), ''].map(indented),
    indented(`${jobs.done} of ${jobs.total} jobs in ${seconds.toFixed(0)} s; each alone, they would take ${aloneSeconds.toFixed(0)} s`),
    indented(`Report: ${join(path, 'report.html')}`),
  )
  return jobs.done === jobs.total ? [] : [`${jobs.total - jobs.done} jobs of the quick look`]
}

function adaptersOfRecipe(): RecipeInput['adapters'] {
  return ingredients.map(({ folder, coefficient }) => ({ adapter: folder, coefficient }))
}

async function merge(session: Session, recipe: RecipeInput): Promise<MergeResult> {
  const { json, problems, exitCode } = await runMerge(session, { recipe }, terminal)
  if (exitCode !== 0) throw new Refusal(problems)
  return json as MergeResult
}

async function evaluateAll(session: Session, mergedId: string): Promise<readonly string[]> {
  const folders = ingredients.map(({ folder }) => folder)
  const sources = await findSubjects(session, folders, terminal)
  const baseId = await findBase(session, join(demo, 'base-model'), terminal)
  const { ids } = await findTasks(session, [join(demo, 'tasks', `${mergeTask}.task.json`)])
  const subjects: Subject[] = [{ kind: 'base' }, ...sources, { kind: 'adapter', adapterId: mergedId, coefficient: 1 }]
  const input = { baseId, subjects, tasks: ids.map((taskId) => ({ taskId, split: 'test' })), maxNewTokens: 6 }
  const { runs, problems } = await evaluate(session, v.parse(evaluateInputSchema, input), terminal)
  if (hasError(problems)) throw new Refusal(problems)
  return runTable(runs)
}

/** "11 imported, 1 duplicate, 7 refused: one-factor (tensor-missing), ...": each refused one with its reason. */
function importWords({ counts, items }: ImportReport): string {
  const refused = items.flatMap(({ path, status, problems }) => {
    const worst = problems.find((problem) => problem.severity === 'error')
    return status === 'refused' ? [`${path.split(/[\\/]/).at(-1)} (${worst?.code ?? 'no reason'})`] : []
  })
  const why = refused.length === 0 ? '' : `: ${refused.join(', ')}`
  return `${counts.imported} imported, ${counts.duplicate} duplicate, ${counts.refused} refused${why}`
}

function cutWords({ modules }: MergeResult, { worstExcess }: Verification): string {
  const discarded = Math.max(...modules.map((module) => module.discardedEnergy))
  return `at most ${formatNumber(100 * discarded)} % of a module's norm discarded, ${formatNumber(worstExcess)} above the least possible`
}

function holdsWord(holds: boolean): string {
  return holds ? 'yes' : 'NO'
}

function indented(text: string): string {
  return text === '' ? '' : `   ${text}`
}
