import { errorProblem, Refusal } from '../contract/problems.ts'
import type { AdaptWork } from './adapt-types.ts'

/** Ranks the pool for a task. */
export const runSelect: AdaptWork = () =>
  Promise.reject(new Refusal([errorProblem('request-invalid', 'Selecting is not part of this build.')]))
