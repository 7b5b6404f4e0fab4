import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { identityTexts, methods, type IdentityClaim, type IdentityId, type MethodEntry } from '../../../src-main/contract/methods.ts'
import type { RecipeInput } from '../../../src-main/contract/recipe.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { norm, readPeftAdapter, type Update } from '../../helpers/peft.ts'
import { makePool, type Pool } from '../recipes/pool.ts'
import { writeOtherGauge } from './gauge.ts'
import { mergeUpdates } from './merge-updates.ts'

// The matrix of CONTRACT.md: every method of the registry with every identity, through the same resolver and addon as the app.
// An identity that is claimed is checked in numbers; one that is not is shown to fail, or to be refused where coefficients are not accepted.

const tolerance = 1e-5
/** A counter-example must be plainly one. */
const plainlyUnequal = 1e-2

let pool: Pool
beforeAll(() => {
  pool = makePool()
  // Unlike ranks, scalings, targets and dtypes.
  pool.add('mixed-a', { r: 4, alpha: 8, seed: 11 })
  pool.add('mixed-b', { r: 6, alpha: 3, seed: 12, targets: ['q_proj', 'v_proj', 'up_proj'], config: { use_rslora: true } })
  pool.add('mixed-c', { r: 2, alpha: 4, seed: 13, layers: 1, dtype: 'BF16' })
  // The same with one rank, for methods that need it.
  pool.add('equal-a', { r: 4, alpha: 8, seed: 11 })
  pool.add('equal-b', { r: 4, alpha: 2, seed: 12, targets: ['q_proj', 'v_proj', 'up_proj'], config: { use_rslora: true } })
  pool.add('equal-c', { r: 4, alpha: 4, seed: 13, layers: 1, dtype: 'BF16' })
  for (const kind of ['mixed', 'equal']) {
    const folder = pool.get(`id-${kind}-a`)!.paths[0]!
    pool.addFolder(`${kind}-gauged`, writeOtherGauge(folder, join(pool.folder, `${kind}-gauged`), 5))
  }
})
afterAll(() => pool.close())

type Updates = ReadonlyMap<string, Pick<Update, 'delta'>>
interface Sides {
  readonly actual: Updates
  readonly expected: Updates
}
/** A line of a recipe: an adapter of the pool, and its coefficient where the method takes one. */
type Line = readonly [name: 'a' | 'b' | 'c' | 'gauged', coefficient: number]
type Merge = (...lines: readonly Line[]) => Promise<Updates>

type OutputRank = 'auto' | 'sum' | 4096

/** The default, and one that keeps everything where the rank can be chosen: a number for results of full rank, of which there is no "sum". */
function outputRanks(method: MethodEntry): readonly OutputRank[] {
  if (method.outputRank !== 'sum' && method.outputRank !== 'chosen') return ['auto']
  return ['auto', method.kind === 'on_tiles' ? 4096 : 'sum']
}

function recipeOf(method: MethodEntry, rank: OutputRank, lines: readonly Line[], coefficients: boolean): RecipeInput {
  const kind = method.needs.equalRanks ? 'equal' : 'mixed'
  return {
    method: method.id,
    adapters: lines.map(([name, coefficient]) => ({ adapter: `${kind}-${name}`, ...(coefficients && { coefficient }) })),
    output: { rank },
  }
}

function alone(method: MethodEntry, name: Line[0]): Updates {
  return readPeftAdapter(pool.get(`id-${method.needs.equalRanks ? 'equal' : 'mixed'}-${name}`)!.paths[0]!)
}

function times(updates: Updates, factor: number): Updates {
  return new Map([...updates].map(([name, { delta }]) => [name, { delta: delta.map((value) => factor * value) }]))
}

/** Both sides of each identity. */
const identities: Readonly<Record<IdentityId, (merge: Merge, method: MethodEntry) => Promise<Sides>>> = {
  single: async (merge, method) => ({ actual: await merge(['a', 1]), expected: alone(method, 'a') }),
  negation: async (merge) => ({
    actual: await merge(['a', -0.7], ['b', 0.4], ['c', -1.1]),
    expected: times(await merge(['a', 0.7], ['b', -0.4], ['c', 1.1]), -1),
  }),
  permutation: async (merge) => ({
    actual: await merge(['c', 1.1], ['a', 0.7], ['b', -0.4]),
    expected: await merge(['a', 0.7], ['b', -0.4], ['c', 1.1]),
  }),
  gauge: async (merge) => ({
    actual: await merge(['gauged', 0.7], ['b', -0.4], ['c', 1.1]),
    expected: await merge(['a', 0.7], ['b', -0.4], ['c', 1.1]),
  }),
  cancellation: async (merge, method) => ({ actual: await merge(['a', 1], ['a', -1]), expected: times(alone(method, 'a'), 0) }),
  copies: async (merge, method) => ({ actual: await merge(['a', 1 / 3], ['a', 1 / 3], ['a', 1 / 3]), expected: alone(method, 'a') }),
}
/** Identities that say something about coefficients, and so nothing about a method that takes none. */
const aboutCoefficients: readonly IdentityId[] = ['negation', 'cancellation']

/** The largest difference of a module, relative to the size of what went in (a result may be zero). */
function difference({ actual, expected }: Sides, method: MethodEntry): number {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort())
  const sizes = ['a', 'b', 'c'].map((name) => alone(method, name as Line[0]))
  return Math.max(
    ...[...expected].map(([name, { delta }]) => {
      const size = Math.max(...sizes.map((updates) => norm(updates.get(name)?.delta ?? [])))
      return norm(delta.map((value, i) => value - actual.get(name)!.delta[i]!)) / size
    }),
  )
}

const entries: readonly MethodEntry[] = methods
for (const method of entries) {
  describe(method.id, () => {
    for (const rank of outputRanks(method)) {
      const merge: Merge = async (...lines) => (await mergeUpdates(pool, recipeOf(method, rank, lines, method.coefficients))).updates
      for (const claim of method.identities) testClaim(method, claim, rank, merge)
    }
  })
}

function testClaim(method: MethodEntry, claim: IdentityClaim, rank: OutputRank, merge: Merge): void {
  const title = `${identityTexts[claim.id]} (rank ${rank})`
  if (claim.holds) {
    test(`holds: ${title}`, async () => {
      expect(difference(await identities[claim.id](merge, method), method)).toBeLessThan(tolerance)
    })
  } else if (!method.coefficients && aboutCoefficients.includes(claim.id)) {
    test(`cannot be asked for: ${title}`, () => {
      const { job, problems } = resolveDraft(recipeOf(method, rank, [['a', 1], ['a', -1]], true), pool, { device: 'cpu' }) // prettier-ignore
      expect(job).toBeNull()
      expect(problems.filter((problem) => problem.severity === 'error').map((problem) => problem.code)).toEqual([
        'coefficient-not-accepted',
        'coefficient-not-accepted',
      ])
    })
  } else {
    test(`fails, as documented: ${title}`, async () => {
      expect(difference(await identities[claim.id](merge, method), method)).toBeGreaterThan(plainlyUnequal)
    })
  }
}
