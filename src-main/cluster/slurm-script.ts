/** What a person says about the jobs; absent fields are left to the cluster. */
export interface SlurmOptions {
  readonly partition?: string | undefined
  readonly cpus?: number | undefined
  readonly memory?: string | undefined
  readonly time?: string | undefined
  readonly gres?: string | undefined
  /** Tasks of an array that run at the same time. */
  readonly maxParallel?: number | undefined
  /** More options of sbatch, as they are: "--account=lab". */
  readonly extra: readonly string[]
}

/** One array of jobs. */
export interface ArrayScript {
  readonly name: string
  readonly text: string
  readonly numbers: readonly number[]
}

export interface ArrayInput {
  readonly stage: number
  readonly title: string
  /** The shared folder, absolute. */
  readonly shared: string
  /** Numbers of the jobs, ascending. */
  readonly numbers: readonly number[]
  /** What starts Amalgam: program and first arguments. */
  readonly command: readonly string[]
  readonly options: SlurmOptions
}

/** Largest index of an array where the cluster says nothing else (MaxArraySize 1001). */
const mostIndex = 1000

/** The scripts of a stage: one array over the numbers of the jobs, or several where they are more than an array may have. */
export function arrayScripts(input: ArrayInput): readonly ArrayScript[] {
  const groups = Map.groupBy(input.numbers, (number) => Math.floor((number - 1) / mostIndex))
  return [...groups].map(([group, numbers]) => ({
    name: group === 0 ? `submit-${input.stage}.sh` : `submit-${input.stage}-${group + 1}.sh`,
    text: scriptOf({ ...input, numbers }, group * mostIndex),
    numbers,
  }))
}

function scriptOf({ stage, title, shared, numbers, command, options }: ArrayInput, offset: number): string {
  const { partition, cpus, memory, time, gres, maxParallel, extra } = options
  const indices = ranges(numbers.map((number) => number - offset))
  const directives = [
    `--job-name=amalgam-${stage}`,
    `--array=${indices}${maxParallel === undefined ? '' : `%${maxParallel}`}`,
    `--output=${quoted(`${shared}/logs/%A_%a.txt`)}`,
    // A task that is put back into the queue goes on where it was, and adds to its log.
    '--requeue',
    '--open-mode=append',
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(cpus === undefined ? [] : [`--cpus-per-task=${cpus}`]),
    ...(memory === undefined ? [] : [`--mem=${memory}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(gres === undefined ? [] : [`--gres=${gres}`]),
    ...extra,
  ]
  const number = offset === 0 ? '${SLURM_ARRAY_TASK_ID}' : `$((SLURM_ARRAY_TASK_ID + ${offset}))`
  return [
    '#!/bin/bash',
    `# Stage ${stage} of the plan "${title.replaceAll(/[\r\n]+/g, ' ')}", written by "amalgam plan submit": one task for each job.`,
    ...directives.map((directive) => `#SBATCH ${directive}`),
    '',
    `exec ${command.map(quoted).join(' ')} plan run-job ${quoted(`${shared}/jobs`)}/"${number}.json"`,
    '',
  ].join('\n')
}

/** Ascending numbers as Slurm takes them: "1-3,7". */
export function ranges(numbers: readonly number[]): string {
  const parts: { readonly from: number; readonly to: number }[] = []
  for (const number of numbers) {
    const last = parts.at(-1)
    if (last && last.to === number - 1) parts[parts.length - 1] = { from: last.from, to: number }
    else parts.push({ from: number, to: number })
  }
  return parts.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}

/** A word as the shell (and sbatch) reads it back. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
