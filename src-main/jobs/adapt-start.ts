import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AdaptInput } from '../contract/adapt.ts'
import type { ParamValue } from '../contract/params.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { controlOf } from '../contract/controls.ts'
import { checkAdaptParams } from './adapt-params.ts'
import { kindOf, resolveAdaptation } from './adapt-resolve.ts'
import { stopFileName, workFolderOf } from './adapt-runner.ts'
import type { AdaptServices } from './adapt-types.ts'
import type { Queue } from './queue.ts'

/** Most jobs that are started together. */
const mostJobs = 500

/** What is started: one input, its seeds (its own when none is given), and values of parameters that are combined with each other. */
export interface AdaptStart {
  readonly input: AdaptInput
  readonly seeds: readonly number[]
  readonly sweep: Readonly<Record<string, readonly ParamValue[]>>
}

/** Starts a job for every seed and every combination of swept values; none where the first cannot start or a parameter is wrong. */
export function startAdaptations(
  { input, seeds, sweep }: AdaptStart,
  services: AdaptServices,
  queue: Pick<Queue, 'start'>,
): { readonly jobIds: string[]; readonly problems: Problem[] } {
  const inputs = expand(input, seeds, sweep)
  if (inputs.length > mostJobs) return { jobIds: [], problems: [tooMany(inputs.length)] }
  // Base model, task and adapters are the same for all of them; only the parameters differ.
  const problems = distinct([
    ...resolveAdaptation(inputs[0]!, services).problems,
    ...inputs.flatMap((one) => checkAdaptParams(one).problems),
  ])
  if (hasError(problems)) return { jobIds: [], problems }
  const group = inputs.length > 1 ? randomUUID() : null
  const jobIds: string[] = []
  for (const one of inputs) {
    const { jobId, problems: said } = queue.start(kindOf(one), { ...one, group, swept: Object.keys(sweep) })
    // A value that asks for what is missing, as a selection for one's own LoRA.
    if (jobId === null) return { jobIds, problems: [...said] }
    services.adaptations.begin({ jobId, input: one, group, params: checkAdaptParams(one).params, total: 0 })
    services.emitAdapt(jobId)
    jobIds.push(jobId)
  }
  return { jobIds, problems }
}

/** Asks a running job to end after its present step as if that had been its last. */
export function keepBest(jobId: string, services: AdaptServices, queue: Pick<Queue, 'list'>): readonly Problem[] {
  const job = queue.list().find(({ id }) => id === jobId)
  if (!job || services.adaptations.input(jobId) === null) return [unknownAdaptation(jobId)]
  if (job.state !== 'running' || job.fingerprint === null) return [notRunning(jobId, job.state)]
  writeFileSync(join(workFolderOf(services, job.fingerprint), stopFileName), '')
  return []
}

function expand(input: AdaptInput, seeds: readonly number[], sweep: AdaptStart['sweep']): readonly AdaptInput[] {
  const usesSeed = input.control === null || controlOf(input.control).usesSeed
  const wanted = seeds.length > 0 && usesSeed ? [...new Set(seeds)] : [input.seed]
  let settings: readonly Readonly<Record<string, ParamValue>>[] = [{}]
  for (const [id, values] of Object.entries(sweep))
    settings = settings.flatMap((setting) => [...new Set(values)].map((value) => ({ ...setting, [id]: value })))
  return settings.flatMap((setting) => wanted.map((seed) => ({ ...input, seed, params: { ...input.params, ...setting } })))
}

function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}

function tooMany(count: number): Problem {
  return errorProblem('request-invalid', `${count} jobs would be started; ${mostJobs} is the most at a time.`, {
    where: { field: 'sweep', value: String(count) },
    hint: 'Sweep fewer values, or give fewer seeds.',
  })
}

function unknownAdaptation(jobId: string): Problem {
  return errorProblem('job-unknown', `There is no job of Adapt with the id ${jobId}.`, { where: { field: 'jobId', value: jobId } })
}

function notRunning(jobId: string, state: string): Problem {
  return errorProblem('job-not-restartable', `The job is ${state}: only a running one can end with the best it has.`, {
    where: { field: 'jobId', value: jobId },
    hint: 'A queued job can be cancelled; an ended one has its result, or can be run again.',
  })
}
