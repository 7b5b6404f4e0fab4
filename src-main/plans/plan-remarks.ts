import type { PlanCell } from '../contract/plan-run.ts'
import { warningProblem, type Problem } from '../contract/problems.ts'

/** What a reader of the results must know of the cells: seeds that failed, and results of other versions of the app. */
export function cellRemarks(cells: readonly PlanCell[], appVersion: string): readonly Problem[] {
  return [...failedSeeds(cells), ...otherVersions(cells, appVersion)]
}

/** One remark for each arm and budget that lacks results, whatever the number of tasks. */
function failedSeeds(cells: readonly PlanCell[]): readonly Problem[] {
  const failed = cells.filter(({ state }) => state === 'failed' || state === 'left')
  const groups = Map.groupBy(failed, ({ arm, budget }) => JSON.stringify([arm, budget]))
  return [...groups.values()].map((group) => {
    const { arm, budget } = group[0]!
    const isSame = (cell: PlanCell): boolean => cell.arm === arm && cell.budget === budget
    const seeds = [...new Set(group.flatMap(({ seed }) => seed ?? []))].toSorted((left, right) => left - right)
    const tasks = [...new Set(group.map(({ task }) => task))]
    const remaining = cells.some((cell) => isSame(cell) && cell.state === 'done' && tasks.includes(cell.task))
    const where = `on ${tasks.length > 3 ? `${tasks.length} tasks` : tasks.join(', ')}`
    const what = seeds.length === 0 ? '' : ` for ${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}`
    return warningProblem(
      'cells-failed',
      `The arm ${arm} has no result${what} ${where}: it is ${remaining ? 'compared over the seeds that both arms have' : 'left out there'}.`,
      { where: { field: `arms.${arm}`, value: budget === null ? '' : String(budget) }, hint: 'Run what failed again.' },
    )
  })
}

function otherVersions(cells: readonly PlanCell[], appVersion: string): readonly Problem[] {
  const versions = [...new Set(cells.flatMap((cell) => cell.appVersion ?? []))].toSorted()
  if (versions.every((version) => version === appVersion)) return []
  const message =
    versions.length > 1
      ? `Results of different versions are compared with each other: ${versions.join(', ')}.`
      : `The results are those of version ${versions[0]!}; this is ${appVersion}.`
  return [warningProblem('versions-differ', message, { hint: 'Run the plan again for results of one version.' })]
}
