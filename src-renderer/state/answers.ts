import type { Problem } from '../../src-main/contract/problems.ts'
import type { Answer } from '../bridge.ts'

/** Why a request was refused; empty when it was answered. */
export function refusals(answer: Answer<unknown>): readonly Problem[] {
  return answer.ok ? [] : answer.problems
}

/** Why a change was not made: the request's own refusals, or the problems that its answer names. */
export function outcomeProblems(answer: Answer<{ readonly problems: readonly Problem[] }>): readonly Problem[] {
  return answer.ok ? answer.value.problems : answer.problems
}
