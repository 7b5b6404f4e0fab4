import type { BudgetComparison, SpokenVerdict } from '../../contract/comparison.ts'
import { paperReference } from '../../contract/comparison.ts'
import { armRoles } from '../../contract/plan.ts'
import type { PlanDetail } from '../../contract/plan-run.ts'
import { intervalRows } from '../charts/interval-rows.ts'
import { lookOf } from '../charts/marks.ts'
import { columnsOf, figureBlock, tableBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { counted, listed, shownBudget, shownChange, shownInterval, shownNumber } from '../numbers.ts'
import { armWithRole, byBudget, mainVerdict, placeWords, roleLabel, roleWords, taskTitle, unitOf } from '../plan-view.ts'
import { outcomeWords, readingWords, verdictRules } from '../verdict-rules.ts'

/** What the verdict stands on: its rule, every difference that it looked at, and the study's averages beside the measured arms. */
export function verdictSection(detail: PlanDetail): ReportSection {
  const main = mainVerdict(detail)
  return {
    id: 'verdict',
    title: 'What the verdict stands on',
    blocks: main
      ? [
          { kind: 'text', text: `${placeWords(detail, main.verdict.task, main.comparison.budget)}. ${ruleWords(main.verdict)}` },
          ...missingWords(detail, main.verdict),
          ...evidence(detail, main.comparison, main.verdict),
          ...reference(detail, main.comparison, main.verdict),
          ...allVerdicts(detail),
          tableBlock(rulesTable, true),
        ]
      : [{ kind: 'text', text: 'There is no verdict: no arm was measured yet.' }],
  }
}

const rulesTable = {
  caption: 'The rules, in the order in which they are asked; a difference counts when its 95 % interval leaves out 0',
  columns: columnsOf('Rule', 'What it says'),
  rows: verdictRules.map(({ rule, text }) => [String(rule), text]),
}

function ruleWords({ verdict }: SpokenVerdict): string {
  const text = verdictRules.find(({ rule }) => rule === verdict.rule)?.text
  return text === undefined ? `No rule could decide: ${outcomeWords[verdict.outcome]}.` : `Rule ${verdict.rule} decided. ${text}`
}

function missingWords(detail: PlanDetail, { verdict }: SpokenVerdict): readonly ReportBlock[] {
  const missing = verdict.missing.map((role) => roleWords[role])
  const harmful = verdict.harmful.map((role) => roleLabel(detail, role))
  return [
    ...(missing.length > 0 ? [{ kind: 'remark', text: `Without these arms no verdict can be given: ${listed(missing)}.` } as const] : []),
    ...(harmful.length > 0 ? [{ kind: 'remark', text: `Clearly below the base model: ${listed(harmful)}.` } as const] : []),
  ]
}

function evidence(detail: PlanDetail, { budget }: BudgetComparison, { task, verdict }: SpokenVerdict): readonly ReportBlock[] {
  if (verdict.evidence.length === 0) return []
  const unit = unitOf(detail, task)
  const isDecisive = ({ arm, to }: SpokenVerdict['verdict']['evidence'][number]): boolean =>
    arm === verdict.decisive?.arm && to === verdict.decisive.to
  const rows = verdict.evidence.map((entry) => ({
    entry,
    label: `${roleLabel(detail, entry.arm)} \u2212 ${roleLabel(detail, entry.to)}`,
  }))
  const margin = detail.file.margin
  return [
    figureBlock({
      id: 'evidence',
      title: 'Which differences does the verdict stand on?',
      note: `Paired differences with 95 % bootstrap intervals; ${placeWords(detail, task, budget)}. The grey band is the margin of ${shownNumber(margin, unit)} on both sides of 0.`,
      svg: intervalRows({
        ...{ id: 'evidence', title: 'Differences that the verdict stands on', unit, of: 'differences', line: null, margin },
        description: rows.map(({ entry, label }) => `${label}: ${shownChange(entry.difference, unit)}`).join('; '),
        axis: unit === 'points' ? 'difference in points' : "difference in the metric's own unit",
        labelWidth: 380,
        rows: rows.map(({ entry, label }) => ({ label, interval: entry.difference, look: lookOf(undefined), strong: isDecisive(entry) })),
      }),
      table: {
        caption: 'Evidence of the verdict: paired differences with 95 % intervals',
        columns: columnsOf('Difference', '#Value', 'Reading', 'Part in the verdict'),
        rows: rows.map(({ entry, label }) => [
          label,
          shownChange(entry.difference, unit),
          readingWords[entry.reading],
          isDecisive(entry) ? 'decisive' : '',
        ]),
      },
      tableFirst: true,
    }),
  ]
}

/** The study's averages beside this plan's arms. */
function reference(detail: PlanDetail, { estimates }: BudgetComparison, { task }: SpokenVerdict): readonly ReportBlock[] {
  const unit = unitOf(detail, task)
  const rows = armRoles.map((role) => {
    const arm = armWithRole(detail, role)
    const found = estimates.find((estimate) => estimate.arm === arm?.id && estimate.task === task)
    const known = paperReference[role]
    return [
      roleWords[role],
      found ? shownInterval(found.interval, unit) : 'not in this plan',
      known === null ? 'not measured' : shownNumber(known, 'points'),
    ]
  })
  return [
    tableBlock({
      caption: 'Beside it, for reference: averages of the study (recycling with adaptive merging, arXiv 2602.12323)',
      columns: columnsOf('Arm', '#This plan', "#The study's average"),
      rows,
    }),
    {
      kind: 'text',
      text: "The study's numbers are averages over 62 tasks with Llama 3.1 8B, 100 examples and up to 30 adapters. They are of another base model and other tasks: a reference, no target.",
    },
  ]
}

/** One line for every budget and task, where there is more than one. */
function allVerdicts(detail: PlanDetail): readonly ReportBlock[] {
  const spoken = byBudget(detail).flatMap(({ budget, verdicts }) => verdicts.map((entry) => ({ budget, entry })))
  if (spoken.length < 2) return []
  const onTasks = spoken.filter(({ entry }) => entry.task !== null)
  const counts = Object.entries(outcomeWords).flatMap(([outcome, words]) => {
    const count = onTasks.filter(({ entry }) => entry.verdict.outcome === outcome).length
    return count > 0 ? [`${words}: ${count}`] : []
  })
  return [
    { kind: 'text', text: `Verdicts on ${counted(onTasks.length, 'single place')} (task and budget): ${counts.join('; ')}.` },
    tableBlock(
      {
        caption: 'The verdict on every task and budget',
        columns: columnsOf('Labelled examples', 'Task', 'Rule', 'Verdict', 'Strength'),
        rows: spoken.map(({ budget, entry }) => [
          shownBudget(budget).replace(/ labelled examples?$/, ''),
          taskTitle(detail, entry.task),
          entry.verdict.rule === null ? '\u2013' : String(entry.verdict.rule),
          entry.headline,
          entry.strength,
        ]),
      },
      spoken.length > 12,
    ),
  ]
}
