import { execFile } from 'node:child_process'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ClusterCell } from '../contract/cluster-job.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { writeFileWhole } from '../platform/write-file.ts'
import { lockHolder } from './job-lock.ts'
import { isResultOf } from './portable-result.ts'
import { mustReadSharedPlan, readResult, sharedFolder, type SharedFolder } from './shared-folder.ts'
import { arrayScripts, type SlurmOptions } from './slurm-script.ts'

const run = promisify(execFile)

export interface SubmitInput {
  readonly folder: string
  /** What starts Amalgam on the machines of the cluster. */
  readonly command: readonly string[]
  readonly options: SlurmOptions
  /** Scripts are written, and nothing is submitted. */
  readonly dryRun: boolean
}

/** One array that was written, and submitted where `jobId` is not null. */
export interface Submitted {
  readonly script: string
  readonly stage: number
  readonly cells: readonly string[]
  readonly jobId: string | null
}

export interface SubmitOutcome {
  readonly submitted: readonly Submitted[]
  /** Cells that have their result. */
  readonly done: number
  /** Cells that a process works on now. */
  readonly running: readonly string[]
}

/**
 * Writes one array of Slurm jobs for the cells without needs and one for those that need another's adapter, over the cells that have no result and are not
 * being run, and submits them. The second waits until every task of the first has ended, however it did. Throws a Refusal (scheduler-missing,
 * scheduler-refused).
 */
export async function submitPlan({ folder, command, options, dryRun }: SubmitInput): Promise<SubmitOutcome> {
  const shared = sharedFolder(folder)
  const { cells, file } = await mustReadSharedPlan(shared)
  const { open, running } = await findOpen(cells, shared)
  await mkdir(shared.logs, { recursive: true })
  const submitted: Submitted[] = []
  let before: readonly string[] = []
  for (const stage of [0, 1] as const) {
    const here = open.filter((cell) => cell.stage === stage)
    const numbers = here.map(({ number }) => number)
    const ids: string[] = []
    for (const { name, text, numbers: own } of arrayScripts({ stage, title: file.title, shared: shared.root, numbers, command, options })) {
      const script = join(shared.root, name)
      await writeFileWhole(script, text)
      await chmod(script, 0o755)
      const jobId = dryRun ? null : await submit(script, before)
      if (jobId !== null) ids.push(jobId)
      submitted.push({ script, stage, cells: here.filter(({ number }) => own.includes(number)).map(({ cell }) => cell), jobId })
    }
    before = ids
  }
  return { submitted, done: cells.length - open.length - running.length, running }
}

async function findOpen(
  cells: readonly ClusterCell[],
  shared: SharedFolder,
): Promise<{ readonly open: readonly ClusterCell[]; readonly running: readonly string[] }> {
  const open: ClusterCell[] = []
  const running: string[] = []
  for (const cell of cells) {
    if (isResultOf(await readResult(shared, cell.number), cell)) continue
    if (await lockHolder(shared.locks, String(cell.number))) running.push(cell.cell)
    else open.push(cell)
  }
  return { open, running }
}

async function submit(script: string, after: readonly string[]): Promise<string> {
  const dependency = after.length > 0 ? [`--dependency=afterany:${after.join(':')}`] : []
  try {
    const { stdout } = await run('sbatch', ['--parsable', ...dependency, script])
    return stdout.trim().split(';')[0]!
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { readonly stderr?: string }
    if (code === 'ENOENT') throw new Refusal([noScheduler(script)])
    if (stderr === undefined) throw error
    throw new Refusal([refused(script, stderr)])
  }
}

function noScheduler(script: string): Problem {
  return errorProblem('scheduler-missing', 'There is no sbatch on this machine: jobs are submitted where Slurm is installed.', {
    where: { path: script },
    hint: `Run the same command on a login node of the cluster, or take "--dry-run" and hand ${script} to it yourself.`,
  })
}

function refused(script: string, said: string): Problem {
  const words = said.trim().replaceAll(/\s+/g, ' ').slice(0, 500)
  return errorProblem('scheduler-refused', `Slurm did not take the jobs: ${words || 'it said nothing'}.`, {
    where: { path: script },
    hint: 'See --partition, --time, --memory, --gres and --sbatch-arg; "sinfo" lists what there is.',
  })
}
