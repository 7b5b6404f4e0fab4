/**
 * Is recycling worth it on the demo kit? For every target task and budget: the base model, a fresh LoRA trained on the labelled examples, the pool
 * tuned without it and with it, all on the test split, with paired differences. What is done stays in the file, so that a run that was stopped goes on
 * at the next cell; numbers are written as they come out.
 *   node scripts/demo-adapt.ts [--tasks A,B] [--budgets 10,30,100] [--out FILE] [--library DIR] [--seed N] [--threads N] [--again]
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { evaluate } from '../src-main/command-line/eval.ts'
import { findBase, findTasks } from '../src-main/command-line/find-evaluated.ts'
import { importPaths } from '../src-main/command-line/import.ts'
import { withSession, type Session } from '../src-main/command-line/session.ts'
import { Refusal } from '../src-main/contract/problems.ts'
import { budgets } from '../src-main/contract/task.ts'
import { writeFileWhole } from '../src-main/platform/write-file.ts'
import { runCell, settings, type Cell } from './demo-adapt-cell.ts'

const demo = join(import.meta.dirname, '..', 'resources', 'demo')
/** Tasks that no adapter of the pool was trained on. */
const targets = [
  'sentiment_stars',
  'sentiment_recommend',
  'topic_desk',
  'support',
  'smaller',
  'odd_one_out',
  'same_kind',
  'question_letter',
]

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: targets.join(',') },
    budgets: { type: 'string', default: budgets.join(',') },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'docs', 'benchmarks', 'demo-adapt.json') },
    library: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** Of the processor, 0 for all cores but one; they change no number. */
    threads: { type: 'string', default: '0' },
    /** Does cells anew that are in the file. */
    again: { type: 'boolean', default: false },
  },
})

/** The file: what it was made with, a cell for each task and budget, and what they say together. */
interface Table {
  readonly summary: string
  readonly machine: Readonly<Record<string, unknown>>
  readonly settings: typeof settings & { readonly seed: number }
  readonly cells: readonly Cell[]
  readonly counts: Readonly<Record<string, number>>
}

const seed = Number(values.seed)
const terminal = { signal: new AbortController().signal, progress: () => undefined, codeFolder: import.meta.dirname }
const wantedTasks = chosen(values.tasks, targets)
const wantedBudgets = budgets.filter((budget) => chosen(values.budgets, budgets.map(String)).includes(String(budget)))

try {
  await withSession(values.library ?? mkdtempSync(join(tmpdir(), 'amalgam-demo-adapt-')), terminal, fillTable)
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  for (const problem of error.problems) console.error(`${problem.code}: ${problem.message} ${problem.hint ?? ''}`)
  process.exitCode = 3
}

async function fillTable(session: Session): Promise<void> {
  const { items } = await importPaths(session, [join(demo, 'adapters')], terminal, ['demo'])
  // In the order of their names, so that ties in a selection fall alike in every library.
  const pool = [...items].sort((left, right) => (left.path < right.path ? -1 : 1)).flatMap(({ id }) => id ?? [])
  const baseId = await findBase(session, join(demo, 'base-model'), terminal)
  await findTasks(session, targets.map((task) => join(demo, 'tasks', `${task}.task.json`))) // prettier-ignore
  await session.services.library.bases.readShapes()
  await session.services.changeSettings({ threads: Number(values.threads) })
  let cells = readCells(values.out)
  for (const task of wantedTasks)
    for (const budget of wantedBudgets) {
      const isThere = cells.some((cell) => cell.task === task && cell.budget === budget)
      if (isThere && !values.again) continue
      const cell = await runCell(session, { baseId, task, budget, pool, seed }, (input) => evaluate(session, input, terminal))
      cells = sorted([...cells.filter((other) => other.task !== task || other.budget !== budget), cell])
      await writeFileWhole(values.out, `${JSON.stringify(tableOf(session, cells), null, 2)}\n`)
      console.log(lineOf(cell))
    }
}

function tableOf({ services }: Session, cells: readonly Cell[]): Table {
  const { device, processor, instructions, threads, nativeBuild } = services.engine.devices()
  return {
    summary:
      'Demo kit, test split: base model, fresh LoRA, pool tuned without and with it; paired differences with 95 % bootstrap intervals',
    machine: {
      ...{ processor: cpus()[0]?.model, cores: cpus().length, node: process.version, date: new Date().toISOString().slice(0, 10) },
      ...{ device, kind: processor, instructions, threads, nativeBuild },
    },
    settings: { ...settings, seed },
    cells,
    counts: {
      cells: cells.length,
      'tuned without own above base by more than the interval': cells.filter(({ differences }) => differences.tunedWithoutMinusBase.low > 0)
        .length,
      'tuned with own at least own minus two standard errors': cells.filter(({ differences }) => differences.tunedWithMinusFresh.holds)
        .length,
    },
  }
}

function lineOf({ task, budget, arms, differences, seconds }: Cell): string {
  const shown = (value: number | null): string => (value === null ? '-' : (100 * value).toFixed(1))
  const { tunedWithoutMinusBase: without, tunedWithMinusFresh: withOwn } = differences
  return [
    `${task} ${budget}: base ${shown(arms.base.value)}, fresh ${shown(arms.fresh.value)}, tuned ${shown(arms.tunedWithout.value)}, tuned with own ${shown(arms.tunedWith.value)};`,
    `tuned - base ${shown(without.value)} (${shown(without.low)} to ${shown(without.high)}),`,
    `with own - own ${shown(withOwn.value)} (standard error ${shown(withOwn.standardError)}); ${seconds.toFixed(0)} s`,
  ].join(' ')
}

function readCells(file: string): readonly Cell[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Table).cells : []
}

function sorted(cells: readonly Cell[]): readonly Cell[] {
  const place = ({ task, budget }: Cell): number => targets.indexOf(task) * 1000 + budget
  return [...cells].sort((left, right) => place(left) - place(right))
}

function chosen(text: string, allowed: readonly string[]): readonly string[] {
  const words = text.split(',').map((word) => word.trim())
  const unknown = words.filter((word) => !allowed.includes(word))
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}. Allowed: ${allowed.join(', ')}.`)
  return words
}
