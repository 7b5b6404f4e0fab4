import type { AdapterDetail } from '../contract/adapter.ts'
import { findMethod, methodIds, type MethodEntry } from '../contract/methods.ts'
import { checkParams, type ParamSpec, type ParamValues } from '../contract/params.ts'
import { errorProblem, hasError, shownValue, type Problem } from '../contract/problems.ts'
import type { Recipe, ResolvedMergeJob, ResolvedModule } from '../contract/recipe.ts'
import { didYouMean } from '../contract/suggest.ts'
import type { AdapterSource } from './adapter-source.ts'
import { resolveAutomatic } from './automatic.ts'
import { checkCoefficient, coefficientFor } from './coefficients.ts'
import { checkCount, findAdapters, type FoundAdapter } from './find-adapters.ts'
import { fingerprintOf } from './fingerprint.ts'
import { parseRecipe } from './parse-recipe.ts'
import { checkRankRange, planRanks, type RankPlan } from './ranks.ts'
import { checkModules, isEmbedding, uniteModules, type SharedModule } from './union-modules.ts'

/** What a recipe is resolved with besides the library. */
export interface ResolveContext {
  /** The folder from which relative adapter paths start; without it they start from the working folder. */
  readonly relativeTo?: string
  /** Device written into the job. */
  readonly device: 'cpu'
}

/** A recipe made definite, or every problem that keeps it from being so. Warnings come along with a job. */
export interface Resolution {
  readonly job: ResolvedMergeJob | null
  readonly fingerprint: string | null
  readonly problems: readonly Problem[]
  readonly method: MethodEntry | null
  /** The recipe's adapters that can be merged, in its order; all of them when there is a job. */
  readonly adapters: readonly AdapterDetail[]
  readonly modules: readonly SharedModule[]
  readonly ranks: RankPlan | null
}

/** Resolves a draft of any shape: text, or a value as it crosses the bridge. `recipe` is what was understood of it. */
export function resolveDraft(
  draft: unknown,
  source: AdapterSource,
  context: ResolveContext,
): Resolution & { readonly recipe: Recipe | null } {
  const parsed = parseRecipe(draft)
  if (!parsed.draft) return { ...nothing, problems: parsed.problems, recipe: null }
  const resolution = resolveRecipe(parsed.draft, source, context)
  const problems = [...parsed.problems, ...resolution.problems]
  if (parsed.recipe) return { ...resolution, problems, recipe: parsed.recipe }
  return { ...resolution, job: null, fingerprint: null, problems, recipe: null }
}

const nothing: Resolution = { job: null, fingerprint: null, problems: [], method: null, adapters: [], modules: [], ranks: null }

/** Fills in every default, path, hash and shape. All problems are collected; the job is there exactly when none of them is an error. */
export function resolveRecipe(recipe: Recipe, source: AdapterSource, context: ResolveContext): Resolution {
  const method = findMethod(recipe.method) ?? null
  const { found, problems: adapterProblems } = findAdapters(recipe, source, context.relativeTo)
  const modules = uniteModules(found)
  const check = (values: Readonly<Record<string, unknown>>, per: ParamSpec['per'], field: string) => {
    if (!method) return null
    const checked = checkParams(method.params, values, per, field)
    return { ...checked, params: resolveAutomatic(method.params, checked.params, found) }
  }
  const params = check(recipe.params, 'recipe', 'params')
  const ownParams = recipe.adapters.map((entry, index) => check(entry.params ?? {}, 'adapter', `adapters[${index}].params`))
  const ranks = method && params ? planRanks(method, params.params, recipe.output, modules) : null
  const problems = [
    ...(method ? checkCount(method, recipe.adapters.length) : unknownMethod(recipe.method)),
    ...adapterProblems,
    ...checkCoefficients(recipe, method, found),
    ...(params?.problems ?? []),
    ...ownParams.flatMap((own) => own?.problems ?? []),
    ...(method ? checkModules(method, modules, found) : []),
    ...(ranks?.problems ?? checkRankRange(recipe.output.rank)),
    ...checkSeed(recipe.seed),
  ]
  const resolution: Resolution = { ...nothing, problems, method, adapters: found.map(({ detail }) => detail), modules, ranks }
  if (!method || !params || !ranks || hasError(problems)) return resolution
  const job: ResolvedMergeJob = {
    schema: 1,
    kind: 'merge',
    method: method.id,
    params: params.params,
    adapters: found.map((adapter) => resolvedAdapter(adapter, ownParams[adapter.index]?.params ?? {})),
    modules: modules.map((module, index) => resolvedModule(recipe, method, module, ranks.kept[index]!, found)),
    output: { dtype: recipe.output.dtype, rank: ranks.written },
    seed: recipe.seed,
    device: context.device,
  }
  return { ...resolution, job, fingerprint: fingerprintOf(job) }
}

function unknownMethod(method: string): readonly Problem[] {
  // An empty method has been reported by the parser.
  if (method === '') return []
  return [
    errorProblem('unknown-method', `There is no merge method "${method}".`, {
      where: { field: 'method', value: shownValue(method) },
      allowed: methodIds,
      hint: didYouMean(method, methodIds),
    }),
  ]
}

function checkCoefficients(recipe: Recipe, method: MethodEntry | null, found: readonly FoundAdapter[]): readonly Problem[] {
  return recipe.adapters.flatMap(({ coefficient }, index) => {
    if (coefficient === undefined) return []
    const field = `adapters[${index}].coefficient`
    if (method && !method.coefficients) return [notAccepted(method, field, coefficient)]
    return checkCoefficient(coefficient, found.find((adapter) => adapter.index === index)?.detail.modules ?? [], field)
  })
}

function notAccepted(method: MethodEntry, field: string, coefficient: unknown): Problem {
  return errorProblem('coefficient-not-accepted', `${method.label} takes no coefficients, but ${field} is ${shownValue(coefficient)}.`, {
    where: { field, value: shownValue(coefficient) },
    hint: 'Remove the coefficient, or use linear or concat.',
  })
}

function checkSeed(seed: number): readonly Problem[] {
  if (Number.isSafeInteger(seed)) return []
  return [
    errorProblem('parameter-invalid', `seed is ${seed}, which is too large to be exact.`, {
      where: { field: 'seed', value: String(seed) },
      allowed: [`a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
      hint: 'Use a smaller whole number.',
    }),
  ]
}

function resolvedAdapter(
  { detail, contentHash, tensorHash, weightsFile }: FoundAdapter,
  params: ParamValues,
): ResolvedMergeJob['adapters'][number] {
  return { id: detail.id, name: detail.name, contentHash, tensorHash, weightsFile, params }
}

function resolvedModule(
  recipe: Recipe,
  method: MethodEntry,
  module: SharedModule,
  kept: number,
  found: readonly FoundAdapter[],
): ResolvedModule {
  const embedding = module.contributions.some((contribution) => isEmbedding(contribution.module))
  const prefix = `base_model.model.${module.name}`
  return {
    name: module.name,
    in: module.in,
    out: module.out,
    rank: method.outputRank === 'sum' ? -1 : kept,
    outputA: embedding ? `${prefix}.lora_embedding_A` : `${prefix}.lora_A.weight`,
    outputB: embedding ? `${prefix}.lora_embedding_B` : `${prefix}.lora_B.weight`,
    sources: module.contributions.map(({ adapter, module: own }) => ({
      adapter: found.indexOf(adapter),
      a: own.tensorA,
      b: own.tensorB,
      rank: own.rank,
      scaling: own.scaling,
      coefficient: coefficientFor(recipe.adapters[adapter.index]?.coefficient, own),
    })),
  }
}
