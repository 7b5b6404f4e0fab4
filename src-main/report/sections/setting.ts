import { controlOf } from '../../contract/controls.ts'
import { findMethod } from '../../contract/methods.ts'
import { metricOf } from '../../contract/metrics.ts'
import { defaultsOf, type ParamValues } from '../../contract/params.ts'
import type { Arm } from '../../contract/plan.ts'
import type { PlanDetail } from '../../contract/plan-run.ts'
import { findPreset } from '../../contract/presets.ts'
import { tunerOf } from '../../contract/tuners.ts'
import { columnsOf, tableBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { listed, shownMoment, shownNumber } from '../numbers.ts'
import { roleWords, unitOf } from '../plan-view.ts'

/** What was compared: tasks, budgets, seeds, base model, pool, and every arm with all of its parameters. */
export function settingSection(detail: PlanDetail): ReportSection {
  return { id: 'setting', title: 'Setting', blocks: [facts(detail), tasks(detail), arms(detail), parameters(detail), ...pool(detail)] }
}

function facts({ file, baseName, createdAt, endedAt }: PlanDetail): ReportBlock {
  const budgets = file.budgets.map((budget) => (budget === null ? 'all' : String(budget)))
  return {
    kind: 'facts',
    caption: 'The plan',
    rows: [
      ['Plan', file.title],
      ...(file.preset === null ? [] : [['Preset', file.preset] as const]),
      ['Begun', shownMoment(createdAt)],
      ['Ended', shownMoment(endedAt)],
      ['Base model', baseName === file.base || isId(file.base) ? baseName : `${baseName} (in the plan: ${file.base})`],
      ['Pool', poolWords(file.pool)],
      ['Labelled examples', listed(budgets)],
      ['Seeds', listed(file.seeds.map(String))],
      ['Margin', `${shownNumber(file.margin, 'points')} points: a smaller difference does not matter`],
      ['Test examples', file.testLimit === null ? 'all of each task' : `at most ${file.testLimit} of each task`],
    ],
  }
}

/** Few are named at once, the others stand in a table of their own. Ids say nothing outside the library: content hashes are in the provenance. */
function poolWords(pool: readonly string[]): string {
  if (pool.length === 0) return 'every adapter that fits the base model'
  if (pool.every(isId)) return `${pool.length} adapters; their content hashes are in the provenance`
  return pool.length <= mostNamed ? pool.join(', ') : `${pool.length} adapters, named below`
}

const mostNamed = 5

function isId(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)
}

function pool({ file }: PlanDetail): readonly ReportBlock[] {
  if (file.pool.length <= mostNamed || file.pool.every(isId)) return []
  return [
    tableBlock({ caption: 'The pool as the plan names it', columns: columnsOf('Adapter'), rows: file.pool.map((name) => [name]) }, true),
  ]
}

function tasks(detail: PlanDetail): ReportBlock {
  const rows = detail.file.tasks.map((task) => {
    const info = detail.tasksInfo.find((entry) => entry.task === task)
    if (!info) return [task, '\u2013', '\u2013', '\u2013', '\u2013']
    const unit = unitOf(detail, task)
    const detectable = info.detectable === null ? '\u2013' : shownNumber(info.detectable, unit)
    return [task, info.title, metricOf(info.metric).label, String(info.n), detectable]
  })
  return tableBlock(
    {
      caption:
        'Tasks. "Detectable" is the difference that so many test examples show with a probability of 80 % when two arms disagree on a fifth of them',
      columns: columnsOf('Task', 'Title', 'Metric', '#Test examples', '#Detectable'),
      rows,
    },
    rows.length > 20,
  )
}

function arms({ file }: PlanDetail): ReportBlock {
  return tableBlock({
    caption: 'Arms as the plan gives them',
    columns: columnsOf('Arm', 'Id', 'Part in the verdict', 'What it is', 'Set in the plan'),
    rows: file.arms.map((arm) => [
      arm.label ?? arm.id,
      arm.id,
      arm.role === null ? 'none' : roleWords[arm.role],
      whatItIs(arm),
      valuesText(givenOf(arm)),
    ]),
  })
}

function whatItIs(arm: Arm): string {
  const own = 'withOwn' in arm && arm.withOwn ? ', with the own LoRA' : ''
  const preset = 'preset' in arm && arm.preset !== null ? `, preset ${findPreset(arm.preset)?.label ?? arm.preset}` : ''
  switch (arm.kind) {
    case 'base':
      return 'the base model without an adapter'
    case 'best_single':
      return 'the best adapter of the pool on the training examples'
    case 'merge':
      return `${findMethod(arm.method)?.label ?? arm.method} at coefficient ${arm.coefficient}, without tuning${own}`
    case 'control':
      return `control: ${controlOf(arm.control).label}${preset}`
    default:
      return `${tunerOf(arm.kind).label}${preset}${own}`
  }
}

function givenOf(arm: Arm): ParamValues {
  if (arm.kind === 'base' || arm.kind === 'best_single') return {}
  return arm.kind === 'merge' ? { ...arm.selection, ...arm.params } : arm.params
}

/** Defaults, over them the preset, the plan and what a control fixes: what the arm was run with, as far as the registry tells. */
function completeOf(arm: Arm): ParamValues {
  if (arm.kind === 'base' || arm.kind === 'best_single') return {}
  if (arm.kind === 'merge') {
    const method = findMethod(arm.method)
    return {
      ...defaultsOf(tunerOf('select').params, 'recipe'),
      ...arm.selection,
      ...(method ? defaultsOf(method.params, 'recipe') : {}),
      ...arm.params,
    }
  }
  const control = arm.kind === 'control' ? controlOf(arm.control) : null
  const kind = control === null ? (arm.kind as 'tune' | 'search' | 'train') : control.arm === 'evaluate' ? 'tune' : control.arm
  const preset = arm.preset === null ? undefined : findPreset(arm.preset)
  return { ...defaultsOf(tunerOf(kind).params, 'recipe'), ...preset?.values, ...arm.params, ...control?.values }
}

function parameters({ file }: PlanDetail): ReportBlock {
  return tableBlock(
    {
      caption: 'All parameters of each arm: defaults of this version, over them the preset, the plan, and what a control fixes',
      columns: columnsOf('Arm', 'Parameters'),
      rows: file.arms.map((arm) => [arm.label ?? arm.id, valuesText(completeOf(arm))]),
    },
    true,
  )
}

function valuesText(values: ParamValues): string {
  const words = Object.entries(values).map(([id, value]) => `${id} ${value}`)
  return words.length === 0 ? '\u2013' : words.join(', ')
}
