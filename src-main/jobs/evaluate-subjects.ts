import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import type { ResolvedMergeJob } from '../contract/recipe.ts'
import type { RunSubject, Subject } from '../contract/run.ts'
import type { EvaluateModule } from '../engine/evaluate-request.ts'
import { findAdapters, type FoundAdapter } from '../recipes/find-adapters.ts'
import { resolveDraft } from '../recipes/resolve-recipe.ts'
import { checkSources } from './check-sources.ts'
import { checkFit } from './evaluate-fit.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import { plainTerms } from './evaluate-terms.ts'

/** One adapter that subjects use. */
export interface PoolAdapter {
  readonly id: string
  readonly name: string
  readonly contentHash: string
  readonly weightsFile: string
  readonly modules: readonly EvaluateModule[]
}

/** What a subject takes of one adapter; one coefficient, or one for each module in the adapter's order. */
export interface SubjectTerm {
  readonly adapter: PoolAdapter
  readonly coefficients: number | readonly number[]
}

/** A subject made definite: terms, or a merge whose result is its one term. */
export interface ReadySubject {
  readonly subject: RunSubject
  readonly terms: readonly SubjectTerm[]
  /** Not null where the recipe's method does more than weighting and joining units: it is merged before it is evaluated. */
  readonly merge: ResolvedMergeJob | null
}

/** A subject that cannot be evaluated, and why. */
export interface LeftSubject {
  readonly subject: RunSubject
  readonly problem: Problem
}

/** Every subject that can be evaluated with `base`, once each and in the order given, and why the others cannot. */
export function resolveSubjects(
  subjects: readonly Subject[],
  base: BaseModel,
  services: Pick<EvaluateServices, 'adapters' | 'checkedStamp'>,
): { readonly ready: readonly ReadySubject[]; readonly left: readonly LeftSubject[]; readonly problems: readonly Problem[] } {
  const pool = new Map<string, PoolAdapter>()
  const ready = new Map<string, ReadySubject>()
  const left: LeftSubject[] = []
  const problems: Problem[] = []

  function poolAdapter(found: FoundAdapter): PoolAdapter {
    const known = pool.get(found.detail.id)
    if (known) return known
    const adapter = poolAdapterOf(found)
    pool.set(found.detail.id, adapter)
    return adapter
  }

  function addAdapter(id: string, coefficient: number): void {
    const { found, problems: said } = findOne(id, services)
    const problem = said.find(({ severity }) => severity === 'error') ?? (found && checkFit(found.detail, found.detail.modules, base))
    const subject = adapterSubject(id, found, coefficient)
    if (problem || !found) {
      left.push({ subject, problem: problem ?? notReady(id) })
      return
    }
    problems.push(...said)
    ready.set(subject.key, { subject, terms: [{ adapter: poolAdapter(found), coefficients: coefficient }], merge: null })
  }

  function addRecipe(name: string, draft: unknown): void {
    const resolution = resolveDraft(draft, services.adapters, { device: 'cpu' })
    const { job, fingerprint, adapters } = resolution
    const subject: RunSubject = { key: `recipe:${fingerprint ?? name}`, kind: 'recipe', label: name, adapterId: null }
    const sources = job ? checkSources(job, services.checkedStamp) : []
    const misfit = job && checkFit({ id: name, name }, job.modules, base)
    const all = [...resolution.problems, ...sources, ...(misfit ? [misfit] : [])].map((problem) => inRecipe(problem, name))
    problems.push(...all.filter(({ severity }) => severity === 'warning'))
    if (!job || hasError(all)) {
      left.push(...all.filter(({ severity }) => severity === 'error').map((problem) => ({ subject, problem })))
      return
    }
    const terms = plainTerms(job, adapters, resolution.ranks?.cut ?? true)
    const named = job.adapters.map((source, index) => {
      const { weightsFile, contentHash, tensorHash } = source
      return { index, detail: adapters[index]!, weightsFile, contentHash, tensorHash }
    })
    ready.set(subject.key, {
      subject,
      terms: terms?.map(({ adapter, coefficients }) => ({ adapter: poolAdapter(named[adapter]!), coefficients })) ?? [],
      merge: terms === null ? job : null,
    })
  }

  for (const subject of subjects) {
    if (subject.kind === 'base') ready.set(baseSubject.key, { subject: baseSubject, terms: [], merge: null })
    else if (subject.kind === 'adapter') addAdapter(subject.adapterId, subject.coefficient)
    else addRecipe(subject.name, subject.recipe)
  }
  return { ready: [...ready.values()], left, problems }
}

/** A found adapter as the core takes it. */
export function poolAdapterOf({ detail: { id, name, modules }, contentHash, weightsFile }: FoundAdapter): PoolAdapter {
  const factors = modules.map(({ name: module, tensorA, tensorB, rank, in: input, out, scaling }) => ({
    ...{ name: module, a: tensorA, b: tensorB, rank, in: input, out, scaling },
  }))
  return { id, name, contentHash, weightsFile, modules: factors }
}

/** The base model alone. */
export const baseSubject: RunSubject = { key: 'base', kind: 'base', label: 'Base model', adapterId: null }

/** The adapter with this id as recipes find it: known, checked, readable, its files as they were when they were checked. */
export function findOne(
  id: string,
  { adapters, checkedStamp }: Pick<EvaluateServices, 'adapters' | 'checkedStamp'>,
): { readonly found: FoundAdapter | null; readonly problems: readonly Problem[] } {
  const source = { find: () => (adapters.get(id) ? { id } : adapters.find(id)), get: (known: string) => adapters.get(known) }
  const recipe = { method: 'concat', adapters: [{ adapter: id }], params: {}, seed: 1 }
  const output = { rank: 'sum', dtype: 'float32', padTo: 'none' } as const
  const { found, problems } = findAdapters({ ...recipe, output }, source, undefined)
  const [one = null] = found
  const changed = one ? checkSources({ adapters: [{ name: one.detail.name, weightsFile: one.weightsFile }] }, checkedStamp) : []
  return { found: one, problems: [...problems, ...changed].map((problem) => ofAdapter(problem, id)) }
}

function adapterSubject(id: string, found: FoundAdapter | null, coefficient: number): RunSubject {
  const name = found?.detail.name ?? id
  return {
    key: `adapter:${found?.contentHash ?? id}@${coefficient}`,
    kind: 'adapter',
    label: coefficient === 1 ? name : `${name} × ${coefficient}`,
    adapterId: id,
  }
}

/** The problem without the field of a recipe that nobody wrote. */
function ofAdapter({ where, ...problem }: Problem, id: string): Problem {
  const { field: _field, ...place } = where ?? {}
  return { ...problem, where: { ...place, value: id } }
}

function inRecipe(problem: Problem, name: string): Problem {
  return { ...problem, message: `Recipe ${name}: ${problem.message}` }
}

function notReady(id: string): Problem {
  return errorProblem('adapter-not-checked', `Adapter ${id} is still being checked.`, { where: { value: id } })
}
