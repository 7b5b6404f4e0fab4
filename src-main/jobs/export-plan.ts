import type { AdapterDetail } from '../contract/adapter.ts'
import { exportProfiles, type ExportCheck, type ExportProfile } from '../contract/export-profiles.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { vllmRanks, type ResolvedMergeJob } from '../contract/recipe.ts'
import { checkProfile } from '../recipes/check-profile.ts'
import { largestRank, profileFacts, type ProfileFacts } from '../recipes/check-profile-facts.ts'
import { writtenBytes } from '../recipes/file-size.ts'
import { fingerprintOf } from '../recipes/fingerprint.ts'
import { maxRank } from '../recipes/ranks.ts'
import { resolveRecipe } from '../recipes/resolve-recipe.ts'

/** How an export is made: a copy of the files, or factors that the native core writes. */
export interface ExportPlan {
  readonly rank: number
  /** Size of the weights file to be written. */
  readonly sizeBytes: number
  /** The merge of this adapter alone that writes the factors; null for a copy. */
  readonly job: ResolvedMergeJob | null
  readonly fingerprint: string | null
}

/** Plans the export of `adapter`, or says what stands against it. Warnings of what is lost come along with a plan. */
export function planExport(
  adapter: AdapterDetail,
  profile: ExportProfile,
  padTo: number,
): { readonly plan: ExportPlan | null; readonly problems: readonly Problem[] } {
  if (adapter.status === 'refused') return { plan: null, problems: adapter.problems.filter((problem) => problem.severity === 'error') }
  return exportProfiles[profile].rewrites ? planRewrite(adapter, profile, padTo) : planCopy(adapter, profile, padTo)
}

/** What a tool says of the adapter as it is, and of what would be exported for it. */
export function checkExport(adapter: AdapterDetail, profile: ExportProfile, padTo = 0): ExportCheck {
  const { plan, problems } = planExport(adapter, profile, padTo)
  return {
    profile,
    unchanged: [...checkProfile(profileFacts(adapter), profile)],
    exported: [...problems],
    rank: plan?.rank ?? null,
    sizeBytes: plan?.sizeBytes ?? null,
  }
}

function planCopy(adapter: AdapterDetail, profile: ExportProfile, padTo: number): ReturnType<typeof planExport> {
  const facts = profileFacts(adapter)
  const refusal = [...(adapter.status === 'missing' ? [missing(adapter)] : []), ...(padTo > 0 ? [noPadding(profile, padTo)] : [])]
  if (refusal.length > 0) return { plan: null, problems: refusal }
  // A copy is as good or bad as its original: what PEFT makes of it is said, and blocks nothing.
  const remarks = checkProfile(facts, profile).map((problem) => ({ ...problem, severity: 'warning' as const }))
  return { plan: { rank: largestRank(facts), sizeBytes: adapter.sizeBytes, job: null, fingerprint: null }, problems: remarks }
}

function planRewrite(adapter: AdapterDetail, profile: ExportProfile, padTo: number): ReturnType<typeof planExport> {
  const facts = profileFacts(adapter)
  const { job: merge, problems: found } = resolveAlone(adapter)
  const { rank, problems: rankProblems } = chooseRank(profile, largestRank(facts), padTo)
  const problems = [...found, ...(hasError(found) ? [] : rankProblems)]
  if (!merge || rank === null || hasError(problems)) return { plan: null, problems }
  const job = { ...merge, output: { ...merge.output, rank } }
  const remarks = checkProfile(factsOfExport(facts, job), profile)
  const all = [...problems, ...remarks]
  if (hasError(all)) return { plan: null, problems: all }
  return { plan: { rank, sizeBytes: writtenBytes(job), job, fingerprint: fingerprintOf(job) }, problems: all }
}

/** The adapter alone at coefficient 1, concatenated: its update exactly, with the scaling folded into the factors. */
function resolveAlone(adapter: AdapterDetail): { readonly job: ResolvedMergeJob | null; readonly problems: readonly Problem[] } {
  const source = { find: () => ({ id: adapter.id }), get: () => adapter }
  const dtypes = new Set(adapter.modules.map((module) => module.dtype))
  const [dtype = 'float32'] = dtypes.size === 1 ? dtypes : []
  const recipe = {
    method: 'concat',
    adapters: [{ adapter: adapter.id, coefficient: 1 }],
    params: {},
    output: { rank: 'auto' as const, dtype, padTo: 'none' as const },
    seed: 1,
  }
  const { job, problems } = resolveRecipe(recipe, source, { device: 'cpu' })
  return { job, problems: problems.map(withoutRecipe) }
}

/** The problem without the field of a recipe: there is none whose field could be pointed at. */
export function withoutRecipe({ where, ...problem }: Problem): Problem {
  const { field: _field, value: _value, ...place } = where ?? {}
  return Object.keys(place).length > 0 ? { ...problem, where: place } : problem
}

function chooseRank(
  profile: ExportProfile,
  least: number,
  padTo: number,
): { readonly rank: number | null; readonly problems: readonly Problem[] } {
  const allowed = profile === 'vllm' ? vllmRanks.filter((rank) => rank >= least) : null
  const own = allowed === null ? least : (allowed[0] ?? null)
  if (own === null) return { rank: null, problems: [tooLarge(least)] }
  if (padTo === 0 || padTo === own) return { rank: own, problems: [] }
  const fits = allowed === null ? padTo >= least && padTo <= maxRank : allowed.includes(padTo)
  if (fits) return { rank: padTo, problems: [] }
  const message = `The rank cannot be padded to ${padTo}: the adapter has rank ${least}.`
  const detail = {
    where: { field: 'padTo', value: String(padTo) },
    allowed: allowed === null ? [`a whole number from ${least} to ${maxRank}`] : allowed.map(String),
    hint: 'Padding only adds zeros; leave it out to get the smallest rank that the tool takes.',
  }
  return { rank: null, problems: [errorProblem('rank-invalid', message, detail)] }
}

function tooLarge(rank: number): Problem {
  const largest = Math.max(...vllmRanks)
  return errorProblem('rank-above-limit', `The rank is ${rank}, but vLLM takes at most ${largest}.`, {
    where: { field: 'r', value: String(rank) },
    allowed: vllmRanks.map(String),
    hint: `Cut it first: merge it alone with linear and output.rank of at most ${largest}.`,
  })
}

function noPadding(profile: ExportProfile, padTo: number): Problem {
  return errorProblem('rank-invalid', `The rank cannot be padded to ${padTo}: the files are copied as they are.`, {
    where: { field: 'padTo', value: String(padTo) },
    allowed: ['0'],
    hint: `Leave the padding out, or choose another profile than ${profile}.`,
  })
}

function missing(adapter: AdapterDetail): Problem {
  return errorProblem('file-missing', `The files of ${adapter.name} are not where they were.`, {
    where: { path: adapter.paths.join(', ') },
    hint: 'Put them back, or import the adapter from where it lies now.',
  })
}

/** What the tool will see of the export: see adapter-config.ts and the native core's writer. */
function factsOfExport(facts: ProfileFacts, job: ResolvedMergeJob): ProfileFacts {
  const { rank } = job.output
  return {
    name: facts.name,
    config: { r: rank, lora_alpha: rank, target_modules: facts.modules.map((module) => module.name), bias: 'none' },
    variant: 'plain',
    modules: job.modules.map(({ name, outputA, outputB }) => ({
      ...{ name, rank, scaling: 1, tensorA: outputA, tensorB: outputB },
      moduleKind: name.slice(name.lastIndexOf('.') + 1),
    })),
    extras: [],
    problems: [],
  }
}
