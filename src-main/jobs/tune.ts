import { errorProblem, Refusal } from '../contract/problems.ts'
import type { AdaptWork } from './adapt-types.ts'

/** Chooses adapters and tunes their coefficients by gradient. */
export const runTune: AdaptWork = () => Promise.reject(new Refusal([errorProblem('request-invalid', 'Tuning is not part of this build.')]))
