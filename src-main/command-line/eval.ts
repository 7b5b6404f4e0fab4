import * as v from 'valibot'
import { metricIds, metricOf, type MetricId } from '../contract/metrics.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { evaluatedSplits, evaluateInputSchema, type Outcome, type Run, type Subject } from '../contract/run.ts'
import { budgets } from '../contract/task.ts'
import type { EvaluateJobInput } from '../jobs/evaluate-input.ts'
import { exitCodes, outcome, type Arguments, type Command, type CommandContext, type OptionSpec, type Outcome as Ended } from './command.ts'
import { findBase, findRecipe, findSubjects, findTasks } from './find-evaluated.ts'
import { followJob } from './follow-job.ts'
import { formatTable } from './format.ts'
import { withSession, type Session } from './session.ts'

/** Options of every command that evaluates on tasks. */
export const evaluationOptions: readonly OptionSpec[] = [
  { name: 'base', value: 'BASE', help: 'The base model: id, name, or the path of its folder. Needed.' },
  { name: 'adapter', value: 'ADAPTER', repeatable: true, help: 'An adapter: id, unique name or path.' },
  { name: 'task', value: 'TASK', repeatable: true, help: 'A task: id, the path of its file, or a folder of tasks. Needed.' },
  { name: 'split', value: 'SPLIT', repeatable: true, allowed: evaluatedSplits, help: 'Which examples.' },
  { name: 'budget', value: 'COUNT', allowed: budgets.map(String), help: 'Only so many of the labelled examples (low-data variant).' },
  { name: 'limit', value: 'COUNT', help: 'At most so many examples of each task, the first by id.' },
  { name: 'metric', value: 'METRIC', allowed: metricIds, help: "Another metric than the task's own." },
  { name: 'max-new-tokens', value: 'COUNT', help: 'Most tokens that are generated; as the task says when not given.' },
  { name: 'max-prompt-tokens', value: 'COUNT', help: 'Leave out prompts of so many tokens or more, and count them.' },
]

/** `eval`: answers of the base model, or of it with adapters, on tasks. */
export const evalCommand: Command = {
  name: 'eval',
  summary: 'Evaluate a base model, alone or with adapters or a recipe, on tasks.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    ...evaluationOptions,
    { name: 'recipe', value: 'RECIPE', repeatable: true, help: 'A recipe that is not merged: a file, or "-".' },
    { name: 'outcomes', help: 'Print the outcome of every example too (with --json).' },
  ],
  notes: () => [
    'Without adapters and recipes the base model alone is evaluated, else only what is named. The split is "test" when none is given.',
    'What is known is not computed again, and what was stopped goes on where it was. Base models, tasks and adapters given by path',
    'are added to the library first.',
  ],
  run: (given, context) =>
    withChecked(given, context, async (session) => {
      const subjects = [...(await findSubjects(session, given.values('adapter'), context))]
      for (const file of given.values('recipe')) subjects.push(await findRecipe(session, file, context))
      const input = await readInput(session, given, context, subjects.length > 0 ? subjects : [{ kind: 'base' }], 'test')
      const { runs, problems } = await evaluate(session, { ...input, strict: true }, context)
      const json = runs.map((run) => ({ ...runObject(run), ...(given.has('outcomes') && { outcomes: outcomesOf(session, run) }) }))
      return outcome({ runs: json, problems }, hasError(problems) && runs.length === 0 ? [] : runTable(runs), problems)
    }),
}

/** Runs a command that needs --base and --task; without them, wrong usage. */
export function withChecked(
  given: Arguments,
  context: CommandContext,
  work: (session: Session) => Promise<Ended>,
  needed: readonly string[] = ['base', 'task'],
): Promise<Ended> {
  const missing = needed.find((name) => !given.has(name))
  const wrong = ['limit', 'max-new-tokens', 'max-prompt-tokens'].find((name) => given.has(name) && !isCount(given.value(name)))
  if (missing === undefined && wrong === undefined) return withSession(given.value('library'), context, work)
  context.remark(
    missing === undefined ? `--${wrong} is "${given.value(wrong ?? '')}". Allowed: a whole number from 1.` : `--${missing} is needed.`,
  )
  return Promise.resolve({ ...outcome(undefined, []), exitCode: exitCodes.usage })
}

function isCount(text: string | undefined): boolean {
  return /^[1-9]\d{0,8}$/.test(text ?? '')
}

/** The evaluation that the options ask for. Throws a Refusal for a base model or a task that is not there. */
export async function readInput(
  session: Session,
  given: Arguments,
  context: Pick<CommandContext, 'signal' | 'progress'>,
  subjects: readonly Subject[],
  usualSplit: (typeof evaluatedSplits)[number],
): Promise<EvaluateJobInput> {
  const baseId = await findBase(session, given.value('base') ?? '', context)
  const { ids } = await findTasks(session, given.values('task'))
  const splits = given.has('split') ? given.values('split') : [usualSplit]
  const count = (name: string): number | null => (given.has(name) ? Number(given.value(name)) : null)
  const tasks = ids.flatMap((taskId) =>
    splits.map((split) => ({ taskId, split, budget: count('budget'), limit: count('limit'), metric: given.value('metric') ?? null })),
  )
  // Splits, budgets and metrics were compared with the options' lists.
  return v.parse(evaluateInputSchema, {
    ...{ baseId, subjects, tasks },
    maxNewTokens: count('max-new-tokens'),
    maxPromptTokens: count('max-prompt-tokens'),
  })
}

/** Runs one evaluation to its end. Ctrl+C cancels the job; what was answered is in the library. */
export async function evaluate(
  session: Session,
  input: EvaluateJobInput,
  context: Pick<CommandContext, 'signal' | 'progress'>,
): Promise<{ readonly runs: readonly Run[]; readonly problems: readonly Problem[] }> {
  const { library, queue } = session.services
  const { jobId, problems } = queue.start('evaluate', input)
  if (jobId === null) return { runs: [], problems }
  const { job, result } = await followJob(session, jobId, context)
  if (job.state !== 'done') {
    const said = hasError(job.problems) ? job.problems : [...job.problems, errorProblem('cancelled', `The evaluation was ${job.state}.`)]
    return { runs: [], problems: said }
  }
  const { runs } = v.parse(v.object({ runs: v.array(v.string()) }), result)
  return { runs: runs.flatMap((id) => library.runs.get(id) ?? []), problems: job.problems }
}

/** A run as the command line prints it in JSON. */
export function runObject({ taskId, ...run }: Run): Omit<Run, 'taskId'> & { readonly task: string } {
  return { ...run, task: taskId }
}

/** Outcomes asked for at once. */
const pageSize = 1000

function outcomesOf({ services }: Session, { id, n }: Run): readonly Outcome[] {
  const outcomes: Outcome[] = []
  for (let offset = 0; offset < n; offset += pageSize) {
    const page = services.library.runs.outcomes({ runId: id, other: null, filter: 'all', text: '', offset, limit: pageSize })
    outcomes.push(...page.rows.map(({ here }) => here))
  }
  return outcomes
}

/** Runs as a table for people. */
export function runTable(runs: readonly Run[]): readonly string[] {
  const rows = runs.map((run) => [
    run.subject.label,
    run.taskId,
    run.budget === null ? run.split : `${run.split} of ${run.budget}`,
    String(run.done),
    run.metric,
    shownValue(run.metric, run.value),
    run.low === null || run.high === null ? '-' : `${shownValue(run.metric, run.low)} to ${shownValue(run.metric, run.high)}`,
  ])
  return formatTable([['SUBJECT', 'TASK', 'SPLIT', 'N', 'METRIC', 'VALUE', '95 % INTERVAL'], ...rows], [3, 5])
}

/** A metric's value as it is shown: per cent, or nats. */
export function shownValue(metric: MetricId, value: number | null): string {
  if (value === null) return '-'
  return metricOf(metric).unit === 'fraction' ? `${(100 * value).toFixed(1)} %` : value.toFixed(4)
}
