import { errorProblem, Refusal } from '../contract/problems.ts'
import type { AdaptWork } from './adapt-types.ts'

/** An arm with something taken away. */
export const runControl: AdaptWork = () =>
  Promise.reject(new Refusal([errorProblem('request-invalid', 'Controls is not part of this build.')]))
