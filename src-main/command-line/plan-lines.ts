import type { BudgetComparison } from '../contract/comparison.ts'
import type { PlanDetail, PlanSummary } from '../contract/plan-run.ts'
import { shownValue } from './eval.ts'
import { formatTable } from './format.ts'

/** Plans as a list. */
export function planTable(plans: readonly PlanSummary[]): readonly string[] {
  const rows = plans.map(({ id, title, state, done, total, createdAt, headline }) => [
    ...[id, state, `${done}/${total}`, createdAt.slice(0, 16).replace('T', ' '), title],
    headline ?? '',
  ])
  return formatTable([['ID', 'STATE', 'DONE', 'BEGUN', 'TITLE', 'VERDICT'], ...rows])
}

/** What a plan found: arms x tasks for each budget, and the verdict on all of them. */
export function resultLines(plan: PlanDetail): readonly string[] {
  return [
    ...plan.comparisons.flatMap((comparison) => [...tableAt(plan, comparison), '']),
    `${plan.done} of ${plan.total} parts done${plan.failed > 0 ? `, ${plan.failed} failed` : ''} (${plan.state})`,
    ...(plan.headline === null ? [] : [plan.headline]),
  ]
}

/** The parts of a plan with their states. */
export function cellLines({ cells, tasksInfo, progress }: PlanDetail): readonly string[] {
  const rows = cells.map(({ id, state, value, n, task, problems }) => {
    const metric = tasksInfo.find((info) => info.task === task)?.metric
    const shown = value === null || metric === undefined ? '' : `${shownValue(metric, value)} of ${n}`
    return [id, state, shown, problems.find(({ severity }) => severity === 'error')?.message ?? '']
  })
  const now = progress && `Now: ${progress.cell ?? 'test examples'}, ${progress.stage} ${Math.round(100 * progress.fraction)} %`
  return [...formatTable([['PART', 'STATE', 'VALUE', 'WHY'], ...rows]), '', ...(now ? [now] : [])]
}

function tableAt({ file, tasksInfo }: PlanDetail, { budget, estimates, verdicts }: BudgetComparison): readonly string[] {
  const tasks = [...new Set(estimates.map(({ task }) => task))]
  const rows = file.arms.map(({ id, label }) => [
    label ?? id,
    ...tasks.map((task) => {
      const found = estimates.find((estimate) => estimate.arm === id && estimate.task === task)
      const metric = tasksInfo.find((info) => task === null || info.task === task)?.metric
      if (!found || metric === undefined) return '-'
      const [value, low, high] = [found.interval.value, found.interval.low, found.interval.high].map((one) => shownValue(metric, one))
      return `${value} (${low} to ${high})`
    }),
  ])
  const heading = ['ARM', ...tasks.map((task) => task ?? 'MEAN')]
  const verdict = verdicts.find(({ task }) => task === null) ?? verdicts[0]
  const examples = budget === 'all' ? 'All labelled examples' : `${budget} labelled examples`
  return [
    `${examples}; mean with its 95 % interval`,
    '',
    ...formatTable([heading, ...rows]),
    ...(verdict ? ['', verdict.statement, verdict.strength, ...(verdict.toDecide === null ? [] : [verdict.toDecide])] : []),
  ]
}
