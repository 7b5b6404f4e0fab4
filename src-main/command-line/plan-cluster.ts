import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { collectResults, type Collected } from '../cluster/collect-results.ts'
import { runJob, type JobTools } from '../cluster/run-job.ts'
import { splitPlan } from '../cluster/split-plan.ts'
import { submitPlan, type Submitted } from '../cluster/submit-plan.ts'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { Services } from '../ipc/services.ts'
import { appRoot } from '../platform/paths.ts'
import { describeComparedPlan } from '../plans/plan-detail.ts'
import { makeCell, measureCells } from '../plans/run-cell.ts'
import { resolvePlan } from '../plans/resolve-plan.ts'
import { exitCodes, outcome, type Arguments, type CommandContext, type OptionSpec, type Outcome } from './command.ts'
import { formatTable } from './format.ts'
import { readPlanFile } from './plan-file.ts'
import { resultLines } from './plan-lines.ts'
import { slurmOptions } from './slurm-options.ts'
import { withSession } from './session.ts'

/** An action of `plan`: its words, its options and the terminal. */
type Action = (words: readonly string[], given: Arguments, context: CommandContext) => Promise<Outcome>

/** Options of the actions below. */
export const clusterOptions: readonly OptionSpec[] = [
  { name: 'dir', value: 'SHARED', help: 'The folder that all machines share: split, collect, submit.' },
  { name: 'copy', help: 'split: copy the adapters of the pool into the folder (tasks always are).' },
  { name: 'copy-base', help: 'split: copy the base model too.' },
  {
    name: 'work',
    value: 'DIR',
    help: "run-job: a folder on this machine's own disk for the job's library; the system's temporary folder when not given.",
  },
  { name: 'keep-adapters', help: 'run-job: keep the adapter also where no other job takes it.' },
  { name: 'slurm', help: 'submit: to Slurm, the scheduler there is.' },
  { name: 'partition', value: 'P', help: 'submit: partition of the cluster.' },
  { name: 'cpus', value: 'N', help: 'submit: processor cores of each job.' },
  { name: 'memory', value: 'M', help: 'submit: memory of each job, as Slurm takes it: 16G.' },
  { name: 'time', value: 'T', help: 'submit: longest time of each job: 02:00:00.' },
  { name: 'gres', value: 'G', help: 'submit: other things each job takes: gpu:1.' },
  { name: 'max-parallel', value: 'N', help: 'submit: jobs of an array that run at the same time.' },
  { name: 'sbatch-arg', value: 'OPTION', repeatable: true, help: 'submit: one more option of sbatch, as --sbatch-arg=--account=lab.' },
  { name: 'dry-run', help: 'submit: write the scripts and submit nothing.' },
]

/** What the actions do, for the help. */
export const clusterNotes: readonly (readonly [string, string])[] = [
  ['  plan split PLAN --dir SHARED', 'writes one self-contained job file for each job of the plan'],
  ['  plan run-job FILE', 'runs one of them, on any machine that sees the folder'],
  ['  plan submit --dir SHARED --slurm', 'submits those that have no result yet'],
  ['  plan collect --dir SHARED', 'gathers the results into a plan of the library'],
]

/** Plans on a cluster: a shared folder of job files. */
export const clusterActions: Readonly<Record<'split' | 'run-job' | 'collect' | 'submit', Action>> = {
  split: ([path], given, context) => {
    const folder = given.value('dir')
    if (path === undefined || folder === undefined) return usage('"amalgam plan split PLAN --dir SHARED" needs a plan and a folder.')
    return split(path, folder, given, context)
  },
  'run-job': ([file], given, context) =>
    file === undefined ? usage('Name the job\'s file: "amalgam plan run-job FILE".') : run(file, given, context),
  collect: (_words, given, context) => {
    const folder = given.value('dir')
    return folder === undefined ? usage('Name the shared folder: "amalgam plan collect --dir SHARED".') : collect(folder, given, context)
  },
  submit: (_words, given, context) => {
    const folder = given.value('dir')
    if (folder === undefined || !given.has('slurm'))
      return usage('"amalgam plan submit --dir SHARED --slurm": Slurm is the scheduler there is.')
    return submit(folder, given, context)
  },
}

async function split(path: string, folder: string, given: Arguments, context: CommandContext): Promise<Outcome> {
  const { plan, problems } = await readPlanFile(path)
  if (!plan) return outcome({ cells: [], problems }, [], problems)
  return withSession(given.value('library'), context, async ({ services }) => {
    const plans = services.planServices
    const { resolved, problems: found } = await resolvePlan(plan, plans)
    const said = [...problems, ...found]
    if (!resolved) return outcome({ cells: [], problems: said }, [], said)
    const options = { copyAdapters: given.has('copy'), copyBase: given.has('copy-base') }
    const { plan: listed, written } = await splitPlan(resolved, folder, options, plans)
    const { cells, fingerprint } = listed
    const rows = cells.map(({ number, cell, needs }) => [String(number), cell, needs.join(', ')])
    const words = `${cells.length} jobs in ${resolve(folder)}, ${written} written, ${cells.length - written} as they were`
    return outcome({ fingerprint, written, cells, problems: said }, [...formatTable([['JOB', 'CELL', 'NEEDS'], ...rows]), '', words], said)
  })
}

async function run(file: string, given: Arguments, context: CommandContext): Promise<Outcome> {
  const work = resolve(given.value('work') ?? process.env['SLURM_TMPDIR'] ?? tmpdir())
  const { state, job, result } = await runJob(file, { work, keepAdapter: given.has('keep-adapters') }, toolsOf(context))
  const mean = result.values.reduce((sum, value) => sum + value, 0) / Math.max(1, result.values.length)
  const words = `${state === 'known' ? 'was there' : 'done'}, ${result.metric} ${mean.toFixed(4)} on ${result.values.length} examples`
  const json = {
    state,
    number: job.number,
    cell: job.cell,
    fingerprint: job.fingerprint,
    value: mean,
    n: result.values.length,
    problems: result.problems,
  }
  return outcome(json, [`${job.cell}: ${words}`], result.problems)
}

function toolsOf(context: CommandContext): JobTools {
  return {
    signal: context.signal,
    report: (stage, fraction, eta) =>
      context.progress(`${stage} ${Math.round(fraction * 100)} %${eta === null ? '' : `, ${Math.ceil(eta)} s left`}`),
    withLibrary: (folder, work) =>
      withSession(folder, context, async ({ services }) => {
        await services.changeSettings(allowance(process.env))
        const { planServices: plans, importer, bases } = services
        return work({ plans, importer, bases })
      }),
    async runCell(toRun, plans, hooks) {
      const [measured] = await measureCells([await makeCell(toRun, plans, hooks)], plans, hooks)
      if (measured?.result) return measured.result
      throw new Refusal(measured?.problems ?? [])
    },
  }
}

/** What Slurm gave this task: its cores and nine tenths of its memory, the rest being for the program itself. */
export function allowance(environment: Readonly<Record<string, string | undefined>>): Parameters<Services['changeSettings']>[0] {
  const threads = Number(environment['SLURM_CPUS_PER_TASK'])
  const megabytes = Number(environment['SLURM_MEM_PER_NODE'])
  return {
    ...(Number.isInteger(threads) && threads > 0 && { threads: Math.min(256, threads) }),
    ...(megabytes > 0 && { memoryGigabytes: Math.round(megabytes * 1.048576 * 0.9) / 1000 }),
  }
}

async function collect(folder: string, given: Arguments, context: CommandContext): Promise<Outcome> {
  return withSession(given.value('library'), context, async ({ services }) => {
    const collected = await collectResults(folder, services.planServices)
    const plan = await describeComparedPlan(services.planDescriber, collected.planId)
    const results = plan && collected.done > 0 ? ['', ...resultLines(plan)] : []
    const failures = collected.failed.flatMap(({ cell, problems }) =>
      problems.filter(({ severity }) => severity === 'error').map((one) => ofCell(cell, one)),
    )
    return outcome(
      { ...collected, headline: plan?.headline ?? null },
      [...collectedLines(collected), ...results],
      [...collected.problems, ...failures],
    )
  })
}

function ofCell(cell: string, problem: Problem): Problem {
  return { ...problem, message: `${cell}: ${problem.message}` }
}

function collectedLines({ planId, total, done, missing, failed }: Collected): readonly string[] {
  return [
    `Plan ${planId}: ${done} of ${total} jobs have a result, ${failed.length} failed, ${missing.length} are missing.`,
    ...missing.map((cell) => `  missing  ${cell}`),
    ...failed.map(({ cell }) => `  failed   ${cell}`),
  ]
}

async function submit(folder: string, given: Arguments, context: CommandContext): Promise<Outcome> {
  const { options, problems } = slurmOptions(given)
  if (hasError(problems)) return { exitCode: exitCodes.usage, json: { submitted: [], problems }, lines: [], problems }
  const script = join(appRoot(context.codeFolder), 'scripts', 'amalgam.mjs')
  if (!existsSync(script))
    return outcome(
      { submitted: [] },
      [],
      [errorProblem('file-missing', `The command line is not at ${script}.`, { where: { path: script } })],
    )
  const submitted = await submitPlan({ folder, command: [process.execPath, script], options, dryRun: given.has('dry-run') })
  const { running, done } = submitted
  const open = submitted.submitted.reduce((sum, { cells }) => sum + cells.length, 0)
  return outcome(submitted, [
    ...submitted.submitted.map(submittedLine),
    `${open} jobs to run, ${done} have a result, ${running.length} are running.`,
  ])
}

function submittedLine({ script, stage, cells, jobId }: Submitted): string {
  return `stage ${stage}: ${cells.length} jobs, ${jobId === null ? 'not submitted' : `Slurm job ${jobId}`}, ${script}`
}

function usage(message: string): Promise<Outcome> {
  const problems = [errorProblem('request-invalid', message)]
  return Promise.resolve({ exitCode: exitCodes.usage, json: { problems }, lines: [], problems })
}
