import { errorProblem, Refusal } from '../contract/problems.ts'
import type { AdaptWork } from './adapt-types.ts'

/** Trains a fresh adapter. */
export const runTrain: AdaptWork = () =>
  Promise.reject(new Refusal([errorProblem('request-invalid', 'Training is not part of this build.')]))
