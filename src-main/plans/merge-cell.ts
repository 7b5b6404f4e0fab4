import type { AdapterDetail } from '../contract/adapter.ts'
import { findMethod, type MethodEntry } from '../contract/methods.ts'
import type { Arm } from '../contract/plan.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'
import type { RecipeInput } from '../contract/recipe.ts'
import { maxRank } from '../recipes/ranks.ts'

/**
 * The recipe of a merge without tuning: the chosen adapters in their order, at one coefficient where the method takes some. The result is exact where the
 * method can be; where it has full rank (TIES) it gets the rank that a sum of the same adapters would have, so that no arm is cut more than another.
 */
export function mergeRecipe(
  arm: Extract<Arm, { kind: 'merge' }>,
  chosen: readonly AdapterDetail[],
  { name, seed }: { readonly name: string; readonly seed: number },
): RecipeInput {
  const method = findMethod(arm.method)
  if (!method)
    throw new Refusal([errorProblem('unknown-method', `There is no merge method ${arm.method}.`, { where: { value: arm.method } })])
  return {
    method: method.id,
    adapters: chosen.map(({ id }) => ({ adapter: id, ...(method.coefficients && { coefficient: arm.coefficient }) })),
    params: arm.params,
    output: { rank: rankFor(method, chosen), dtype: 'float32', name },
    seed,
  }
}

function rankFor(method: MethodEntry, chosen: readonly AdapterDetail[]): number | 'sum' | 'auto' {
  if (method.outputRank === 'sum') return 'sum'
  if (method.outputRank !== 'chosen') return 'auto'
  return method.kind === 'on_tiles' ? sumOfRanks(chosen) : 'sum'
}

/** The largest rank that the sum of the updates can have in any module. */
function sumOfRanks(chosen: readonly AdapterDetail[]): number {
  const modules = Map.groupBy(
    chosen.flatMap((adapter) => adapter.modules),
    ({ name }) => name,
  )
  const ranks = [...modules.values()].map((parts) => {
    const { in: input, out } = parts[0]!
    return Math.min(
      input,
      out,
      parts.reduce((sum, { rank }) => sum + rank, 0),
    )
  })
  return Math.min(maxRank, Math.max(1, ...ranks))
}
