import { metricOf } from '../../contract/metrics.ts'
import type { PlanDetail } from '../../contract/plan-run.ts'
import { budgetSplits } from '../../contract/task.ts'
import { anecdotalBelow } from '../../plans/compare-arms.ts'
import type { ReportBlock, ReportSection } from '../document.ts'
import { counted, listed, shownNumber } from '../numbers.ts'
import { armLabel, byBudget, unitOf } from '../plan-view.ts'

/** What the numbers do not say, as far as it follows from the plan and its results. */
export function limitsSection(detail: PlanDetail): ReportSection {
  const items = [
    ...unfinished(detail),
    ...anecdotes(detail),
    ...seedWords(detail),
    ...validationWords(detail),
    ...saturated(detail),
    ...multiplicity(detail),
    ...twoLevels(detail),
    ...versions(detail),
    ...units(detail),
    ...(detail.file.testLimit === null ? [] : [`At most ${detail.file.testLimit} test examples of each task were used.`]),
    'The verdict speaks of these tasks, this base model and this pool; nothing follows for others.',
  ]
  return { id: 'limits', title: 'Limits', blocks: [{ kind: 'list', items } satisfies ReportBlock] }
}

function unfinished({ cells, total, state }: PlanDetail): readonly string[] {
  const failed = cells.filter((cell) => cell.state === 'failed')
  const left = cells.filter((cell) => cell.state === 'left')
  const open = cells.filter((cell) => cell.state === 'waiting' || cell.state === 'running')
  const names = failed.slice(0, 10).map(({ id }) => id)
  return [
    ...(failed.length > 0
      ? [
          `${failed.length} of ${counted(total, 'job')} failed (${names.join('; ')}${failed.length > names.length ? '; ...' : ''}): values of their arms are over the remaining seeds and tasks.`,
        ]
      : []),
    ...(left.length > 0 ? [`${counted(left.length, 'job')} could not be run because what they need failed.`] : []),
    ...(open.length > 0 ? [`The plan is not finished (${state}): ${counted(open.length, 'job')} of ${total} are open.`] : []),
  ]
}

function anecdotes({ tasksInfo }: PlanDetail): readonly string[] {
  const small = tasksInfo.filter(({ n }) => n < anecdotalBelow)
  if (small.length === 0) return []
  const names = small.map(({ title, n }) => `${title} (${n})`)
  return [`Fewer than ${anecdotalBelow} test examples: ${listed(names)}. What is said there is an anecdote.`]
}

function seedWords({ file }: PlanDetail): readonly string[] {
  if (file.seeds.length > 1) return []
  return [
    'One seed only: how much training, tuning and drawing vary from seed to seed is not in the intervals, which are over test examples alone.',
  ]
}

function validationWords({ file, cells }: PlanDetail): readonly string[] {
  const without = file.budgets.filter((budget) => budget !== null && budgetSplits[budget].validation === 0)
  const told = cells.filter(({ problems }) => problems.some(({ code }) => code === 'no-validation'))
  if (without.length > 0)
    return [`With ${listed(without.map(String))} labelled examples there is no validation split: the last step is taken, not the best one.`]
  return told.length > 0 ? [`${counted(told.length, 'job')} had no validation examples: the last step was taken, not the best one.`] : []
}

/** Arms whose outcomes are all the same on a task: nothing can be resampled there (statistics/never-seen.ts). */
function saturated(detail: PlanDetail): readonly string[] {
  const alike = byBudget(detail).flatMap(({ estimates }) =>
    estimates.filter(
      ({ task, interval: { value, low, high } }) => low === high || (unitOf(detail, task) === 'points' && (value === 0 || value === 1)),
    ),
  )
  if (alike.length === 0) return []
  const names = [...new Set(alike.map(({ arm }) => armLabel(detail, arm)))]
  return [
    `Every test example came out alike somewhere (${listed(names)}): resampling says nothing there, and differences between such arms cannot show on these examples. Where outcomes are right or wrong, the interval is what so many examples cannot rule out.`,
  ]
}

function multiplicity({ file, comparisons }: PlanDetail): readonly string[] {
  const arms = new Set(comparisons.flatMap((entry) => entry.comparisons.map(({ arm }) => arm))).size
  const places = file.tasks.length * Math.max(1, comparisons.length)
  if (arms < 2 && places < 2) return []
  return [
    `${counted(arms, 'arm')} on ${counted(places, 'place')} (task and budget) are compared: of intervals that each miss 1 in 20 times, some miss. P-values are adjusted (Holm) for the arms of one place, not for the number of places; intervals and verdicts are not adjusted.`,
  ]
}

function twoLevels({ file }: PlanDetail): readonly string[] {
  if (file.tasks.length < 2) return []
  return [
    'Intervals over tasks draw tasks and then examples, which counts the noise within tasks twice: they are rather too wide than too narrow.',
  ]
}

function versions({ cells, importedFrom }: PlanDetail): readonly string[] {
  const known = [...new Set(cells.flatMap(({ appVersion }) => appVersion ?? []))].sort()
  return [
    ...(known.length > 1 ? [`Results come from several versions of the app (${listed(known)}); they are compared all the same.`] : []),
    ...(importedFrom ? [`The plan was not run here: it was read from a file of version ${importedFrom.appVersion}.`] : []),
  ]
}

function units(detail: PlanDetail): readonly string[] {
  const lower = detail.tasksInfo.filter(({ metric }) => metricOf(metric).direction === 'lower')
  const isMixed = new Set(detail.tasksInfo.map(({ task }) => unitOf(detail, task))).size > 1
  return [
    ...(lower.length > 0
      ? [
          `Of ${listed(lower.map(({ title }) => title))} less is better. Values are the metric's own; differences are improvements, so above 0 is better everywhere.`,
        ]
      : []),
    ...(isMixed
      ? [
          `The tasks have unlike units, so there is no mean over them; the margin of ${shownNumber(detail.file.margin, 'raw')} is applied to all.`,
        ]
      : []),
  ]
}
