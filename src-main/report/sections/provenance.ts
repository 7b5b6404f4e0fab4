import { problemTitles, type Problem } from '../../contract/problems.ts'
import type { PlanCell, PlanDetail } from '../../contract/plan-run.ts'
import { columnsOf, tableBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { shownBudget, shownMoment, shownNumber } from '../numbers.ts'
import { armLabel, taskTitle, unitOf } from '../plan-view.ts'

/** Hashes, versions, device and seeds, and every job with what it made. */
export function provenanceSection(detail: PlanDetail): ReportSection {
  const { provenance, importedFrom, cells } = detail
  const entries = Object.entries(provenance).map(([key, value]) => ({
    words: provenanceWords[key] ?? key.replace(/^task (?=.)/, 'Hash of the task '),
    value,
    list: listIn(value),
  }))
  return {
    id: 'provenance',
    title: 'Provenance',
    blocks: [
      {
        kind: 'facts',
        caption: 'What the results depend on',
        rows: [
          ['Plan id', detail.id],
          ...(importedFrom ? [['Read from a file', `${shownMoment(importedFrom.at)}, version ${importedFrom.appVersion}`] as const] : []),
          ...entries.map(({ words, value, list }) => [words, list ? `${list.length}, listed below` : value] as const),
        ],
      },
      ...entries.flatMap(
        ({ words, list }) =>
        list ? [tableBlock({ caption: words, columns: columnsOf('#Number', 'Value'), rows: list.map((value, index) => [String(index + 1), value]) }, true)] : [], // prettier-ignore
      ),
      tableBlock(
        {
          caption: 'Every job, with the adapter that it made and its value on the test examples',
          columns: columnsOf('Arm', 'Task', 'Labelled examples', 'Seed', 'State', '#Value', '#n', 'Adapter', 'Version'),
          rows: cells.map((cell) => cellRow(detail, cell)),
        },
        true,
      ),
    ],
  }
}

/** Keys of the provenance in words; others are shown as they are. */
const provenanceWords: Readonly<Record<string, string>> = {
  appVersion: 'Version of the app',
  resultVersions: 'Versions that made results',
  nativeBuild: 'Build of the native core',
  device: 'Device',
  devices: 'Devices that made results',
  threads: 'Threads',
  seeds: 'Seeds',
  baseName: 'Base model',
  baseHash: 'Hash of the base model',
  pool: 'Pool, and the hash of its list',
  poolHashes: 'Content hashes of the pool',
}

/** The texts of a JSON list, which are too many for one line; null for any other value. */
function listIn(value: string): readonly string[] | null {
  if (!value.startsWith('[')) return null
  try {
    const list: unknown = JSON.parse(value)
    return Array.isArray(list) ? list.map(String) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function cellRow(detail: PlanDetail, { arm, task, budget, seed, state, value, n, adapterName, appVersion }: PlanCell): readonly string[] {
  return [
    armLabel(detail, arm),
    taskTitle(detail, task),
    budget === null ? '\u2013' : shownBudget(budget).replace(/ labelled examples?$/, ''),
    seed === null ? '\u2013' : String(seed),
    state,
    value === null ? '\u2013' : shownNumber(value, unitOf(detail, task)),
    String(n),
    adapterName ?? '\u2013',
    appVersion ?? '\u2013',
  ]
}

/** What was refused or remarked while it ran. Null where there was nothing. */
export function problemsSection({ problems, cells, ablations }: PlanDetail): ReportSection | null {
  const all = [
    ...problems.map((problem) => ({ where: 'the plan', problem })),
    ...cells.flatMap((cell) => cell.problems.map((problem) => ({ where: cell.id, problem }))),
    ...ablations.flatMap((ablation) => ablation.problems.map((problem) => ({ where: `ablation of ${ablation.cell}`, problem }))),
  ]
  if (all.length === 0) return null
  const rows = grouped(all).map(({ problem, places }) => [
    problem.severity,
    `${problemTitles[problem.code]} (${problem.code})`,
    [problem.message, problem.hint ?? ''].filter((words) => words !== '').join(' '),
    places.length > 3 ? `${places.slice(0, 3).join('; ')} and ${places.length - 3} more` : places.join('; '),
  ])
  const blocks: readonly ReportBlock[] = [
    tableBlock({ caption: 'What was refused or remarked', columns: columnsOf('Severity', 'Problem', 'What was found', 'Where'), rows }),
  ]
  return { id: 'problems', title: 'Problems', blocks }
}

/** The same words once, errors first. */
function grouped(
  all: readonly { readonly where: string; readonly problem: Problem }[],
): readonly { readonly problem: Problem; readonly places: readonly string[] }[] {
  const byWords = new Map<string, { problem: Problem; places: string[] }>()
  for (const { where, problem } of all) {
    const key = `${problem.code} ${problem.message}`
    const known = byWords.get(key)
    if (known) known.places.push(where)
    else byWords.set(key, { problem, places: [where] })
  }
  const rank = ({ problem }: { readonly problem: Problem }): number => (problem.severity === 'error' ? 0 : 1)
  return [...byWords.values()].sort((one, other) => rank(one) - rank(other))
}
