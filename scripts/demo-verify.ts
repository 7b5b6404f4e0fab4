import type { MergeResult } from '../src-main/contract/recipe.ts'
import { norm, readPeftAdapter, relativeDifference, weightedSum, type Update } from '../tests/helpers/peft.ts'
import { singularValues } from './singular-values.ts'

/** A source folder and the coefficient of its update. */
export interface WeightedFolder {
  readonly folder: string
  readonly coefficient: number
}

/** Largest relative error of a merged update that counts as exact: the factors are stored in float32. */
export const exactLimit = 1e-5
/** Largest difference between what truncation should cut away and what it did, relative to the module's norm. */
export const truncationLimit = 1e-4

/** How a merged adapter compares with the sum recomputed from the source files. */
export interface Verification {
  readonly modules: number
  /** Largest ||merged - expected|| / ||expected|| over the modules. */
  readonly worstError: number
  /** Largest difference between the error and the least error that any adapter of this rank can have. */
  readonly worstExcess: number
  /** Largest difference between the error and what the merge reported. */
  readonly worstReport: number
}

/**
 * Recomputes sum of coefficient * scaling * B * A from the sources' files in double, by PEFT's rules and without any of the product's code, and compares the
 * merged folder with it. The least possible error of a rank-r result comes from the singular values of the sum (Eckart and Young).
 */
export function verifyMerge(sources: readonly WeightedFolder[], result: Pick<MergeResult, 'path' | 'rank' | 'modules'>): Verification {
  const expected = weightedSum(sources.map(({ folder, coefficient }) => ({ updates: readPeftAdapter(folder), coefficient })))
  const merged = readPeftAdapter(result.path)
  if (merged.size !== expected.size) throw new Error(`${merged.size} modules were written, ${expected.size} are expected`)
  const compared = [...expected].map(([module, sum]) => {
    const update = merged.get(module)
    if (!update) throw new Error(`${module} is missing in the result`)
    const error = relativeDifference(update.delta, sum)
    const reported = result.modules.find((entry) => entry.name === module)?.discardedEnergy ?? NaN
    return { error, excess: Math.abs(error - leastError(sum, update, result.rank)), report: Math.abs(error - reported) }
  })
  const worst = (values: readonly number[]): number => values.reduce((left, right) => (right <= left ? left : right), 0)
  return {
    modules: compared.length,
    worstError: worst(compared.map((entry) => entry.error)),
    worstExcess: worst(compared.map((entry) => entry.excess)),
    worstReport: worst(compared.map((entry) => entry.report)),
  }
}

/** The relative error of the best rank-`rank` approximation. */
function leastError(sum: Float64Array, shape: Update, rank: number): number {
  const cut = singularValues(sum, shape.out, shape.in).slice(rank)
  return norm(cut) / (norm(sum) || 1)
}
