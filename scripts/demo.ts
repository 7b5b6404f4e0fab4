/**
 * npm run demo: the main job without a window. Imports the demo pool and adapters as they are found in the wild, merges three unlike adapters exactly
 * and cut to a rank, verifies both results against a recomputation from the source files, and evaluates base model, sources and result on one task.
 * Ends with an error when a verification fails.
 *   npm run demo -- [--library DIR]
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { evaluate, runTable } from '../src-main/command-line/eval.ts'
import { findBase, findSubjects, findTasks } from '../src-main/command-line/find-evaluated.ts'
import { formatNumber, formatTable } from '../src-main/command-line/format.ts'
import { importPaths } from '../src-main/command-line/import.ts'
import { runMerge } from '../src-main/command-line/merge.ts'
import { withSession, type Session } from '../src-main/command-line/session.ts'
import type { ImportReport } from '../src-main/contract/import-report.ts'
import { hasError, Refusal } from '../src-main/contract/problems.ts'
import type { MergeResult, RecipeInput } from '../src-main/contract/recipe.ts'
import { evaluateInputSchema, type Subject } from '../src-main/contract/run.ts'
import { makeWildAdapters } from '../tests/fixtures/make-wild.ts'
import { exactLimit, truncationLimit, verifyMerge, type Verification } from './demo-verify.ts'

const demo = join(import.meta.dirname, '..', 'resources', 'demo')
const pool = join(demo, 'adapters')
/** The task that everything is evaluated on; the first ingredient was trained for it. */
const task = 'sentiment'
/** Unlike ranks (16, 4, 32), unlike target modules (seven, four, seven) and unlike signs. */
const ingredients = [
  { name: 'sentiment-r16', coefficient: 0.7 },
  { name: 'topic-r4-attention', coefficient: 0.4 },
  { name: 'travel-r32', coefficient: -0.2 },
].map(({ name, coefficient }) => ({ folder: join(pool, name), coefficient }))

const { values } = parseArgs({ options: { library: { type: 'string' } } })
const libraryFolder = values.library ?? mkdtempSync(join(tmpdir(), 'amalgam-demo-'))
const terminal = { signal: new AbortController().signal, progress: () => undefined, codeFolder: import.meta.dirname }
const say = (...lines: readonly string[]): void => console.log(lines.join('\n'))

try {
  const failed = await withSession(libraryFolder, terminal, demonstrate)
  say('', failed === 0 ? `Everything was verified. The library is in ${libraryFolder}` : `${failed} verifications failed.`)
  process.exitCode = failed === 0 ? 0 : 3
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  for (const problem of error.problems) console.error(`${problem.code}: ${problem.message} ${problem.hint ?? ''}`)
  process.exitCode = 3
}

/** Runs every part and answers with the number of failed verifications. */
async function demonstrate(session: Session): Promise<number> {
  say('1. The demo pool', '')
  reportImport(await importPaths(session, [pool], terminal, ['demo']))

  say('', '2. Adapters as they are found in the wild', '')
  const wild = mkdtempSync(join(libraryFolder, 'wild-'))
  makeWildAdapters(wild)
  reportImport(await importPaths(session, [wild], terminal, ['wild']))

  say('', '3. Three adapters of unlike rank, targets and sign, merged exactly', '')
  const exact = await merge(session, { method: 'concat', adapters: adaptersOfRecipe(), output: { name: 'demo-concat' } })
  const exactly = verifyMerge(ingredients, exact)
  const exactHolds = exactly.worstError <= exactLimit && exactly.worstReport <= exactLimit
  reportMerge(exact, exactly, exactHolds)

  say('', '4. The same sum, cut to rank 16', '')
  const cut = await merge(session, { method: 'linear', adapters: adaptersOfRecipe(), output: { rank: 16, name: 'demo-linear' } })
  const nearly = verifyMerge(ingredients, cut)
  const cutHolds = nearly.worstExcess <= truncationLimit && nearly.worstReport <= truncationLimit
  reportMerge(cut, nearly, cutHolds)

  say('', `5. The task "${task}": base model, sources and the exact merge`, '')
  say(...(await evaluateAll(session, exact.id)))

  say('', 'Load the exact one with PEFT:', '', ...loadLines(exact.path))
  return Number(!exactHolds) + Number(!cutHolds)
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
  const sources = await findSubjects(
    session,
    ingredients.map(({ folder }) => folder),
    terminal,
  )
  const baseId = await findBase(session, join(demo, 'base-model'), terminal)
  const { ids } = await findTasks(session, [join(demo, 'tasks', `${task}.task.json`)])
  const subjects: Subject[] = [{ kind: 'base' }, ...sources, { kind: 'adapter', adapterId: mergedId, coefficient: 1 }]
  const input = { baseId, subjects, tasks: ids.map((taskId) => ({ taskId, split: 'test' })), maxNewTokens: 6 }
  const { runs, problems } = await evaluate(session, v.parse(evaluateInputSchema, input), terminal)
  if (hasError(problems)) throw new Refusal(problems)
  return runTable(runs)
}

function reportImport({ items, counts }: ImportReport): void {
  const rows = items.map(({ path, status, variant, problems }) => {
    const worst = problems.find((problem) => problem.severity === 'error') ?? problems[0]
    return [path.split(/[\\/]/).at(-1) ?? path, status, variant, worst ? `${worst.code}: ${worst.message}` : '']
  })
  say(...formatTable([...rows].sort((left, right) => (left[0]! < right[0]! ? -1 : 1))))
  say('', `${counts.imported} imported, ${counts.duplicate} duplicate, ${counts.refused} refused`)
}

function reportMerge(result: MergeResult, found: Verification, holds: boolean): void {
  const discarded = Math.max(...result.modules.map((module) => module.discardedEnergy))
  say(
    ...formatTable([
      ['Lies in', result.path],
      ['Rank', String(result.rank)],
      ['Target modules', String(found.modules)],
      ['Discarded at most', `${formatNumber(100 * discarded)} % of a module's norm`],
      ['Relative error', `${formatNumber(found.worstError)} at most, against the sum recomputed in double from the source files`],
      ['Above the least possible', `${formatNumber(found.worstExcess)} at most`],
      ['Report off by', `${formatNumber(found.worstReport)} at most`],
      ['Verified', holds ? 'yes' : 'NO'],
    ]),
  )
}

function loadLines(folder: string): readonly string[] {
  return [
    '  from transformers import AutoModelForCausalLM',
    '  from peft import PeftModel',
    `  base = AutoModelForCausalLM.from_pretrained(${JSON.stringify(join(demo, 'base-model'))})`,
    `  model = PeftModel.from_pretrained(base, ${JSON.stringify(folder)})`,
  ]
}
