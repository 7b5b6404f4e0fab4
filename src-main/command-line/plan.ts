import { stringify } from 'yaml'
import { errorProblem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { expandPlan, type Cell } from '../plans/expand-plan.ts'
import { planPresets } from '../contract/plan-presets.ts'
import { reportFormats } from '../contract/plan-run.ts'
import { readPlan } from '../plans/read-plan.ts'
import { exitCodes, outcome, type Arguments, type Command, type CommandContext, type Outcome } from './command.ts'
import { formatTable } from './format.ts'
import { clusterActions, clusterNotes, clusterOptions } from './plan-cluster.ts'
import { readPlanFile } from './plan-file.ts'
import { exportPlan, importPlan } from './plan-bundle.ts'
import { reportPlan } from './plan-report.ts'
import { ablatePlan } from './plan-ablate.ts'
import { planStatus, runOptions, runPlan } from './plan-run.ts'

const actions: Readonly<Record<string, (words: readonly string[], given: Arguments, context: CommandContext) => Promise<Outcome>>> = {
  presets: ([id], given) => Promise.resolve(id === undefined ? listed() : written(id, given)),
  check: ([path]) => (path === undefined ? Promise.resolve(usage('Name the plan\'s file: "amalgam plan check PLAN".')) : checked(path)),
  run: runPlan,
  status: planStatus,
  ablate: ablatePlan,
  report: reportPlan,
  export: exportPlan,
  import: importPlan,
  ...clusterActions,
}

/** `plan`: presets of plans, and what a plan's file would run. */
export const planCommand: Command = {
  name: 'plan',
  summary: 'Write and check plans of a comparison: tasks x arms x seeds x budgets.',
  takes: 'ACTION ...',
  least: 1,
  most: 3,
  options: [
    { name: 'base', value: 'BASE', help: 'Base model of a plan that is written.' },
    { name: 'task', value: 'TASK', repeatable: true, help: 'A task of a plan that is written.' },
    { name: 'pool', value: 'ADAPTER', repeatable: true, help: 'An adapter of its pool; all that fit when none is given.' },
    ...runOptions,
    ...clusterOptions,
    {
      name: 'out',
      value: 'PLACE',
      help: 'export: the file to write, one named for the plan and the day when not given; report: the folder to write into. The working folder when not given.',
    },
    { name: 'format', value: 'FORMAT', allowed: reportFormats, help: 'report: print it in one form instead of writing a folder.' },
  ],
  notes: () => [
    ...formatTable([
      ['  plan presets', 'the presets there are'],
      ['  plan presets ID --base BASE --task TASK...', 'one of them as a plan in YAML'],
      ['  plan check PLAN', 'reads a plan (YAML or JSON), says what is wrong with it, and lists the jobs that it stands for'],
      ['  plan run PLAN|ID', 'runs a plan from its file, or goes on with one of the library, and prints what it found'],
      ['  plan status [ID]', 'the plans of the library, or one of them with its parts'],
      ['  plan ablate ID PART', 'the merge of a part again without each of its adapters: which of them mattered'],
      ...clusterNotes,
      [
        '  plan report ID [--out DIR]',
        'the report as a page, Markdown, CSV and LaTeX tables, in a new folder; --format prints one of them',
      ],
      ['  plan export ID [--out FILE]', 'a plan with its results, its test examples in it and no weights, as one zip file'],
      ['  plan import FILE', 'reads such a file into the library'],
    ]),
  ],
  run(given, context) {
    const [name = '', ...words] = given.positionals
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action) return action(words, given, context)
    const names = Object.keys(actions)
    return Promise.resolve(usage(`There is no action "${name}". ${didYouMean(name, names)}`))
  },
}

function listed(): Outcome {
  return outcome(planPresets, formatTable(planPresets.map(({ id, label, summary }) => [id, label, summary])))
}

function written(id: string, given: Arguments): Outcome {
  const preset = planPresets.find((candidate) => candidate.id === id)
  const ids = planPresets.map((candidate) => candidate.id)
  if (!preset) {
    const problem = errorProblem('parameter-invalid', `There is no preset "${id}".`, {
      where: { value: id },
      allowed: ids,
      hint: didYouMean(id, ids),
    })
    return outcome({ plan: null, problems: [problem] }, [], [problem])
  }
  const { plan, problems } = readPlan({
    ...{ version: 1, title: preset.label, preset: preset.id, base: given.value('base') ?? '' },
    ...{ pool: [...given.values('pool')], tasks: [...given.values('task')], ...preset.plan },
  })
  return outcome({ plan, problems }, plan ? stringify(plan).trimEnd().split('\n') : [], problems)
}

async function checked(path: string): Promise<Outcome> {
  const { plan, problems } = await readPlanFile(path)
  const cells = plan ? expandPlan(plan) : []
  return outcome({ plan, cells: cells.map(({ id, needs }) => ({ id, needs })), problems }, plan ? linesOf(cells) : [], problems)
}

function linesOf(cells: readonly Cell[]): readonly string[] {
  return [...formatTable([['JOB', 'NEEDS'], ...cells.map(({ id, needs }) => [id, needs.join(', ')])]), '', `${cells.length} jobs`]
}

function usage(message: string): Outcome {
  return {
    exitCode: exitCodes.usage,
    json: { problems: [errorProblem('request-invalid', message)] },
    lines: [],
    problems: [errorProblem('request-invalid', message)],
  }
}
