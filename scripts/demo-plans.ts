/**
 * The study's plans on the demo kit, for docs/examples: quick look, main table, does the choice matter, relevance, low data. Each preset is run as it is,
 * on tasks that no adapter of the pool was trained on, and its report is written as it comes out. A library that is named keeps what is done: a run that
 * was stopped goes on.
 *   node scripts/demo-plans.ts --library DIR [--out DIR] [--only PRESET,...] [--threads N]
 */
import { rmSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findBase, findTasks } from '../src-main/command-line/find-evaluated.ts'
import { importPaths } from '../src-main/command-line/import.ts'
import { withSession, type Session } from '../src-main/command-line/session.ts'
import { planPresets } from '../src-main/contract/plan-presets.ts'
import type { Arm, PlanFileInput } from '../src-main/contract/plan.ts'
import { Refusal } from '../src-main/contract/problems.ts'
import { reportOf } from '../src-main/ipc/report-handlers.ts'
import { writeReport } from '../src-main/report/write-report.ts'

const demo = join(import.meta.dirname, '..', 'resources', 'demo')
/** Tasks that no adapter of the pool was trained on (demo-adapt.ts has the same). */
const eight = ['sentiment_stars', 'sentiment_recommend', 'topic_desk', 'support', 'smaller', 'odd_one_out', 'same_kind', 'question_letter']
interface Run {
  readonly preset: string
  readonly tasks: readonly string[]
  /** Instead of the preset's K: of 19 adapters K = 30 takes every one, and there is no choice to speak of. */
  readonly k?: number
}
/** What is run: a preset on some tasks. */
const runs: readonly Run[] = [
  { preset: 'quick_look', tasks: eight.slice(0, 1) },
  { preset: 'relevance', tasks: eight.slice(0, 4) },
  { preset: 'low_data', tasks: eight.slice(0, 4) },
  { preset: 'choice', tasks: eight.slice(0, 4), k: 10 },
  { preset: 'main_table', tasks: eight },
]

const { values } = parseArgs({
  options: {
    library: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'docs', 'examples') },
    only: { type: 'string', default: runs.map(({ preset }) => preset).join(',') },
    /** Of the processor, 0 for all cores but one; they change no number. */
    threads: { type: 'string', default: '0' },
  },
})
if (values.library === undefined) {
  console.error('Name a folder for the library: --library DIR.')
  process.exit(2)
}
const wanted = values.only.split(',')
const terminal = { signal: new AbortController().signal, progress: () => undefined, codeFolder: import.meta.dirname }

try {
  await withSession(values.library, terminal, runAll)
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  for (const problem of error.problems) console.error(`${problem.code}: ${problem.message} ${problem.hint ?? ''}`)
  process.exitCode = 3
}

async function runAll(session: Session): Promise<void> {
  const { services } = session
  const { items } = await importPaths(session, [join(demo, 'adapters')], terminal, ['demo'])
  // In the order of their names, so that ties in a selection fall alike in every library.
  const pool = [...items].sort((left, right) => (left.path < right.path ? -1 : 1)).flatMap(({ id }) => id ?? [])
  const base = await findBase(session, join(demo, 'base-model'), terminal)
  await findTasks(session, eight.map((task) => join(demo, 'tasks', `${task}.task.json`))) // prettier-ignore
  await services.library.bases.readShapes()
  await services.changeSettings({ threads: Number(values.threads) })
  services.plans.takeUp()
  for (const run of runs.filter(({ preset }) => wanted.includes(preset))) await runOne(session, run, { base, pool })
}

async function runOne(
  { services }: Session,
  { preset, tasks, k }: Run,
  { base, pool }: { readonly base: string; readonly pool: readonly string[] },
): Promise<void> {
  const entry = planPresets.find(({ id }) => id === preset)
  if (!entry) throw new Error(`no preset ${preset}`)
  const began = performance.now()
  const title = `${entry.label} on the demo kit${k === undefined ? '' : `, K = ${k}`}`
  const known = services.library.plans.list().find((plan) => plan.title === title)
  const draft: PlanFileInput = {
    version: 1,
    title,
    preset,
    base,
    pool: [...pool],
    tasks: [...tasks],
    ...entry.plan,
    arms: entry.plan.arms.map((arm) => withK(arm, k)),
  }
  const started = known ? { planId: known.id, problems: await services.plans.run(known.id, []) } : await services.plans.start(draft)
  if (started.planId === null) throw new Refusal(started.problems)
  await services.plans.whenEnded(started.planId)
  const input = await reportOf(services.planDescriber, started.planId)
  const folder = join(values.out, preset.replaceAll('_', '-'))
  rmSync(folder, { recursive: true, force: true })
  const { path } = await writeReport(input, values.out)
  await rename(path, folder)
  const { done, failed, total, headline } = input.detail
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${preset}: ${done} of ${total} jobs done, ${failed} failed, ${seconds} s. ${headline ?? 'no verdict'}`)
}

function withK(arm: Arm, k: number | undefined): Arm {
  if (k === undefined || !('params' in arm) || arm.params['k'] === undefined) return arm
  return { ...arm, params: { ...arm.params, k } }
}
