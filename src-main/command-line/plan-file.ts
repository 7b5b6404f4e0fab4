import { readFile } from 'node:fs/promises'
import type { PlanFile } from '../contract/plan.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { readPlan } from '../plans/read-plan.ts'

/** Reads a plan's file (YAML or JSON). `plan` is null when a problem blocks, one of the file itself among them. */
export async function readPlanFile(path: string): Promise<{ readonly plan: PlanFile | null; readonly problems: readonly Problem[] }> {
  try {
    return readPlan(await readFile(path, 'utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return { plan: null, problems: [errorProblem('file-unreadable', `The plan cannot be read: ${message}.`, { where: { path } })] }
  }
}
