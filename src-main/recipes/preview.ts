import { Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import type { MergePreview, ResolvedMergeJob } from '../contract/recipe.ts'
import type { AdapterSource } from './adapter-source.ts'
import { describeCompatibility } from './compatibility.ts'
import { cosinesOf, keptEnergy, keptEnergyByLayer, mergedNorm, normsOf, type ModuleEnergy } from './energy.ts'
import { writtenBytes } from './file-size.ts'
import { resolveDraft, type Resolution, type ResolveContext } from './resolve-recipe.ts'

/** What a preview needs of the engine. */
export interface PreviewEngine {
  preview(job: ResolvedMergeJob, maxBytes: number, run: { readonly signal: AbortSignal }): Promise<PreviewNumbers>
}
export interface PreviewNumbers {
  readonly exact: boolean
  readonly modulesUsed: number
  readonly gram: readonly (readonly number[])[]
  readonly modules: readonly ModuleEnergy[]
}

/** Live previews of recipe drafts. */
export interface Previewer {
  /** The preview of a draft. A newer call stops an older one, which then answers without numbers and says so. */
  preview(draft: unknown): Promise<MergePreview>
  /** Stops what is running and forgets what is known. */
  close(): void
}

type Estimate = NonNullable<MergePreview['estimate']>

/** `maxBytes`: how much of the sources is read at most; above it a sample of the modules is used. `kept`: how many previews are remembered. */
export function createPreviewer(options: {
  readonly engine: PreviewEngine
  readonly source: AdapterSource
  readonly context: ResolveContext
  readonly maxBytes?: number
  readonly kept?: number
}): Previewer {
  const { engine, source, context, maxBytes = 64 * 1024 * 1024, kept = 32 } = options
  const known = new Map<string, Estimate>()
  let running: AbortController | undefined

  async function estimate(resolution: Resolution, job: ResolvedMergeJob, fingerprint: string): Promise<Estimate> {
    const before = known.get(fingerprint)
    if (before) {
      // Taken out and put back: the map's order is then that of last use.
      known.delete(fingerprint)
      known.set(fingerprint, before)
      return before
    }
    const stop = new AbortController()
    running = stop
    const numbers = await engine.preview(job, maxBytes, { signal: stop.signal })
    const made = estimateOf(resolution, job, fingerprint, numbers)
    known.set(fingerprint, made)
    const oldest = known.keys().next().value
    if (known.size > kept && oldest !== undefined) known.delete(oldest)
    return made
  }

  return {
    async preview(draft) {
      running?.abort()
      running = undefined
      const resolution = resolveDraft(draft, source, context)
      const { job, fingerprint, method, modules, ranks } = resolution
      const problems = [...resolution.problems]
      if (!job || !fingerprint || !method || !ranks) return { problems, compatibility: [], estimate: null }
      const compatibility = [...describeCompatibility(method, modules, ranks)]
      try {
        return { problems, compatibility, estimate: await estimate(resolution, job, fingerprint) }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return { problems: [...problems, ...error.problems.map(superseded)], compatibility, estimate: null }
      }
    },
    close() {
      running?.abort()
      known.clear()
    },
  }
}

/** A preview is only cancelled by a newer one, which is nothing to worry about. */
function superseded(problem: Problem): Problem {
  if (problem.code !== 'cancelled') return problem
  return warningProblem('cancelled', 'This preview was stopped because the recipe changed.', { hint: 'The newer preview has the numbers.' })
}

function estimateOf({ modules, ranks }: Resolution, job: ResolvedMergeJob, fingerprint: string, numbers: PreviewNumbers): Estimate {
  return {
    rank: job.output.rank,
    rankSum: ranks?.sum ?? 0,
    sizeBytes: writtenBytes(job),
    modules: job.modules.length,
    fingerprint,
    exact: numbers.exact,
    modulesUsed: numbers.modulesUsed,
    keptEnergy: keptEnergy(numbers.modules),
    keptEnergyByLayer: keptEnergyByLayer(numbers.modules, modules),
    mergedNorm: mergedNorm(numbers.modules),
    sourceNorms: normsOf(numbers.gram),
    cosines: cosinesOf(numbers.gram),
  }
}
