import type { AdaptWork } from './adapt-types.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'

/** Searches coefficients and parameters without gradients. */
export const runSearch: AdaptWork = () =>
  Promise.reject(new Refusal([errorProblem('request-invalid', 'Searching is not part of this build.')]))
