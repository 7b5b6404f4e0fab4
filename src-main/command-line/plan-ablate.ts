import type { Ablation } from '../contract/plan-run.ts'
import { metricOf } from '../contract/metrics.ts'
import { errorProblem, hasError } from '../contract/problems.ts'
import { exitCodes, outcome, type Arguments, type CommandContext, type Outcome } from './command.ts'
import { formatTable } from './format.ts'
import { withSession } from './session.ts'

/** `plan ablate ID PART`: the merge of a part of a plan again without each of its adapters. */
export async function ablatePlan([planId, cell]: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome> {
  if (planId === undefined || cell === undefined) {
    const problems = [errorProblem('request-invalid', 'Name the plan and one of its parts: "amalgam plan ablate ID PART".')]
    return { exitCode: exitCodes.usage, json: { problems }, lines: [], problems }
  }
  return withSession(given.value('library'), context, async ({ services: { planAblator, library } }) => {
    const { problems } = await planAblator.start(planId, cell)
    const stop = (): void => void planAblator.close()
    context.signal.addEventListener('abort', stop)
    const ablation = hasError(problems) ? null : await planAblator.whenEnded(planId, cell)
    context.signal.removeEventListener('abort', stop)
    if (!ablation) return outcome({ ablation, problems }, [], problems)
    const metric = library.plans.result(planId, cell)?.metric
    const all = [...problems, ...ablation.problems]
    const shown = outcome({ ablation, problems: all }, ablation.state === 'done' ? lines(ablation, metric && metricOf(metric).unit === 'fraction') : [], all) // prettier-ignore
    return ablation.state === 'done' ? { ...shown, exitCode: exitCodes.done } : { ...shown, exitCode: exitCodes.failed }
  })
}

function lines({ full, n, rows }: Ablation, isShare = false): readonly string[] {
  const written = (value: number): string => (isShare ? (100 * value).toFixed(1) : value.toFixed(4))
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${written(value)}`
  const ordered = [...rows].sort((left, right) => left.difference.value - right.difference.value)
  return [
    ...formatTable([
      ['WITHOUT', 'VALUE', 'DIFFERENCE', '95 % INTERVAL'],
      ...ordered.map(({ name, value, difference }) => [
        ...[name, written(value), signed(difference.value)],
        `${signed(difference.low)} to ${signed(difference.high)}`,
      ]),
    ]),
    '',
    `The whole merge: ${full === null ? '-' : written(full)}, ${n} test examples. Below 0 the adapter that was left out helps.`,
  ]
}
