import { errorProblem, type Problem } from '../contract/problems.ts'

/** No plan has that id. */
export function unknownPlan(id: string): Problem {
  return errorProblem('plan-unknown', `There is no plan ${id}.`, { where: { field: 'planId', value: id } })
}

/** It cannot be begun while it runs. */
export function isRunning(title: string): Problem {
  return errorProblem('plan-running', `"${title}" is running.`, { hint: 'Stop it first, or wait for its end.' })
}

/** Only the process that runs it can stop it. */
export function runsElsewhere(title: string): Problem {
  return errorProblem('plan-running', `"${title}" runs in another process of Amalgam.`, { hint: 'Stop it there.' })
}

/** Something that should not have happened. */
export function endedUnexpectedly(error: unknown): Problem {
  return errorProblem('internal', `The plan ended unexpectedly: ${error instanceof Error ? error.message : String(error)}`, {
    hint: 'What is done is kept; running it again does no harm.',
  })
}
