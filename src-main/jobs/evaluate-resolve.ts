import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { chooseDevice, type ComputeDevice } from './evaluate-device.ts'
import type { EvaluateJobInput } from './evaluate-input.ts'
import { hashOf, runKey } from './evaluate-key.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import { resolveSubjects, type LeftSubject, type ReadySubject } from './evaluate-subjects.ts'
import { resolveTasks, type ReadyTask } from './evaluate-tasks.ts'

/** A base model whose files are hashed. */
export type ReadyBase = BaseModel & { readonly contentHash: string }

/** An evaluation made definite. */
export interface Evaluation {
  readonly base: ReadyBase
  readonly device: ComputeDevice
  readonly nativeBuild: string
  readonly subjects: readonly ReadySubject[]
  readonly tasks: readonly ReadyTask[]
  /** Most tokens of a prompt; null for what the base model allows. */
  readonly maxPromptTokens: number | null
  /** Keys of the runs: one for each subject and task. */
  readonly keys: readonly (readonly string[])[]
}

/** An input resolved, or every problem that keeps it from being so. Warnings come along with an evaluation. */
export interface EvaluateResolution {
  readonly evaluation: Evaluation | null
  readonly left: readonly LeftSubject[]
  readonly problems: readonly Problem[]
}

/** Looks everything up and checks what is cheap to check; nothing is read but the library and the sizes of files. */
export function resolveEvaluation(input: EvaluateJobInput, services: EvaluateServices): EvaluateResolution {
  const { base, problem } = findBase(input.baseId, services)
  if (!base) return { evaluation: null, left: [], problems: problem ? [problem] : [] }
  const { device, problems: deviceProblems } = chooseDevice(services.settings().device, services.engine)
  const { ready: subjects, left, problems: subjectProblems } = resolveSubjects(input.subjects, base, services)
  const { ready: tasks, problems: taskProblems } = resolveTasks(input, services.tasks)
  const mustRefuse = input.strict === true || subjects.every(({ subject }) => subject.kind === 'base')
  const leftProblems = left.map(({ subject, problem }) => (mustRefuse || subject.kind === 'recipe' ? problem : leftOut(problem)))
  const problems = [...deviceProblems, ...leftProblems, ...subjectProblems, ...taskProblems]
  if (!device || hasError(problems)) return { evaluation: null, left, problems }
  const { nativeBuild } = services.engine.devices()
  const settled = { base, device, nativeBuild: nativeBuild ?? 'not built', subjects, tasks, maxPromptTokens: input.maxPromptTokens }
  return { evaluation: { ...settled, keys: keysOf(settled) }, left, problems }
}

/** The base model with this id, when it can be used. */
export function findBase(
  id: string,
  { bases }: Pick<EvaluateServices, 'bases'>,
): { readonly base: ReadyBase | null; readonly problem: Problem | null } {
  const base = bases.get(id)
  const refused = (code: Parameters<typeof errorProblem>[0], message: string, hint: string) => ({
    base: null,
    problem: errorProblem(code, message, { where: { field: 'baseId', value: id }, hint }),
  })
  if (!base) return refused('base-unknown', `There is no base model ${id}.`, 'Add its folder first.')
  if (base.status === 'missing')
    return refused('base-missing', `The files of ${base.name} are not where they were.`, 'Put them back, or add their new folder.')
  if (base.status === 'refused')
    return { base: null, problem: base.problems.find(({ severity }) => severity === 'error') ?? notReady(base) }
  if (base.status === 'checking' || base.contentHash === null) return { base: null, problem: notReady(base) }
  return { base: { ...base, contentHash: base.contentHash }, problem: null }
}

function notReady({ id, name }: BaseModel): Problem {
  return errorProblem('base-not-checked', `${name} is still being checked: its files are hashed.`, {
    where: { field: 'baseId', value: id },
    hint: 'Wait until its status is ok; the check runs by itself.',
  })
}

/** A subject that is left out while others are evaluated. */
function leftOut({ hint: _hint, ...problem }: Problem): Problem {
  return { ...problem, severity: 'warning', message: `Left out: ${problem.message}` }
}

function keysOf(evaluation: Omit<Evaluation, 'keys'>): string[][] {
  const { base, device, nativeBuild, maxPromptTokens } = evaluation
  const tasks = evaluation.tasks.map(({ task, split, budget, metric, examples, maxNewTokens }) => ({
    ...{ task: task.hash, split, budget, metric: metric.id, examples: hashOf(examples.map(({ id }) => id)) },
    maxNewTokens: metric.asks === 'generate' ? maxNewTokens : null,
  }))
  const common = { base: base.contentHash, maxPromptTokens, device: device.name, nativeBuild }
  return evaluation.subjects.map(({ subject }) => tasks.map((task) => runKey({ ...common, ...task, subject: subject.key })))
}
