import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import { findLabelled } from './adapt-examples.ts'
import type { AdaptJobInput } from './adapt-input.ts'
import { checkAdaptParams } from './adapt-params.ts'
import { findPool } from './adapt-pool.ts'
import type { AdaptKind, AdaptServices, CheckedAdaptation } from './adapt-types.ts'
import { chooseDevice } from './evaluate-device.ts'
import { hashOf } from './evaluate-key.ts'
import { findBase } from './evaluate-resolve.ts'
import { checkSearch, searchMethodOf } from './search-input.ts'

/** An input checked, or every problem that keeps it from being so. Warnings come along. */
export interface AdaptResolution {
  readonly checked: CheckedAdaptation | null
  readonly unfit: CheckedAdaptation['unfit']
  readonly problems: readonly Problem[]
}

/** The kind of job that an input starts. */
export function kindOf({ arm, control }: Pick<AdaptJobInput, 'arm' | 'control'>): AdaptKind {
  return control === null ? arm : 'control'
}

/** Looks everything up and checks what is cheap to check: nothing is read but the library, the labelled examples and the sizes of files. */
export function resolveAdaptation(input: AdaptJobInput, services: AdaptServices): AdaptResolution {
  const { arm, control, preset, params, problems: paramProblems } = checkAdaptParams(input)
  const { base, problem: baseProblem } = findBase(input.baseId, services)
  const { device, problems: deviceProblems } = chooseDevice(services.settings().device, services.engine)
  const { task, file, trainIds, validationIds, problems: taskProblems } = findTask(input, services)
  const found = base ? findPool({ input, arm, control, params, base }, services) : null
  const problems = [
    ...paramProblems,
    ...(arm === 'search' && !hasError(paramProblems) ? checkSearch({ input, preset, params }) : []),
    ...(baseProblem ? [baseProblem] : []),
    ...deviceProblems,
    ...taskProblems,
    ...(found?.problems ?? []),
    ...(found && found.pool.length > 0 ? found.unfit.map(leftOut) : []),
  ]
  const unfit = found?.unfit ?? []
  if (!base || !device || !task || !file || !found || hasError(problems)) return { checked: null, unfit, problems }
  const { nativeBuild } = services.engine.devices()
  const settled = {
    ...{ input, kind: kindOf(input), arm, control, preset, params, base, task, file, device, trainIds, validationIds },
    ...{ pool: found.pool, unfit, own: found.own, startFrom: found.startFrom },
    nativeBuild: nativeBuild ?? 'not built',
  }
  return { checked: { ...settled, fingerprint: hashOf(contentOf(settled)) }, unfit, problems }
}

/** All that the result depends on. Threads, memory and the sizes of passes are not in it: they change no bit on the processor (ENGINE.md D.7). */
export function contentOf(checked: Omit<CheckedAdaptation, 'fingerprint'>): unknown {
  const { input, kind, arm, control, params, base, task, device, nativeBuild, trainIds, validationIds, pool, own, startFrom } = checked
  return {
    ...{ schema: 1, kind, arm, control: control?.id ?? null, params, seed: input.seed, budget: input.budget },
    ...{ base: base.contentHash, task: task.hash, device: device.name, nativeBuild, trainIds, validationIds },
    pool: pool.map(({ contentHash }) => contentHash),
    own: own?.contentHash ?? null,
    startFrom: startFrom?.contentHash ?? null,
    ...(arm === 'search' && { method: searchMethodOf(checked), searched: input.searched, searchCoefficients: input.searchCoefficients }),
  }
}

const noTask = { task: null, file: null, trainIds: [], validationIds: [] }

function findTask(input: AdaptJobInput, services: AdaptServices) {
  const task = services.tasks.get(input.taskId)
  if (!task) {
    const where = { field: 'taskId', value: input.taskId }
    return { ...noTask, problems: [errorProblem('task-unknown', `There is no task ${input.taskId}.`, { where, hint: 'Add it first.' })] }
  }
  try {
    return { task, file: services.tasks.file(task.id), ...findLabelled(input, services) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ...noTask, problems: error.problems }
  }
}

function leftOut({ adapterId, name, reason }: CheckedAdaptation['unfit'][number]): Problem {
  return {
    code: 'adapter-other-base',
    severity: 'warning',
    message: `Left out of the pool: ${name}. ${reason}`,
    where: { value: adapterId },
  }
}
