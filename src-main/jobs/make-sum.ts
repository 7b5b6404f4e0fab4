import type { AdaptationDetail } from '../contract/adapt.ts'
import type { AdapterDetail, Lineage } from '../contract/adapter.ts'
import { hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { MergeOutcome, Recipe, ResolvedMergeJob } from '../contract/recipe.ts'
import type { LearnOutcome } from '../engine/learn-request.ts'
import { writtenBytes } from '../recipes/file-size.ts'
import { recipeText } from '../recipes/recipe-text.ts'
import { resolveDraft } from '../recipes/resolve-recipe.ts'
import { adaptCard } from './adapt-card.ts'
import { lineageOfAdaptation } from './adapt-lineage.ts'
import { measuredOf, runContenders, standards, type Contender } from './adapt-measure.ts'
import { writeAdapter, type WrittenOutput } from './adapt-output.ts'
import { numberOf } from './adapt-params.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { adapterConfig } from './adapter-config.ts'
import { coefficientWords, recipeOfSum, type LearnedSum } from './learned-sum.ts'
import { withOverlay } from './overlay-source.ts'

/** A sum that is to become one adapter. */
export interface SumToMake {
  readonly sum: LearnedSum
  /** The adapters that it began with and the coefficients that people see, for lineage and card. */
  readonly adapters: readonly UsableAdapter[]
  readonly shown: LearnedSum['coefficients']
  readonly selection: AdaptationDetail['selection']
  readonly table: NonNullable<AdaptationDetail['coefficients']>
  readonly learned: LearnOutcome | null
}

type Form = NonNullable<AdaptationDetail['form']>

/** Merges the sum, exactly or cut to the parameters' rank, takes the result in and measures it beside the base model and one's own LoRA. */
export async function makeSum(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  made: SumToMake,
): Promise<{ readonly written: WrittenOutput; readonly form: Form; readonly problems: readonly Problem[] }> {
  const rank = numberOf(adaptation.params, 'outputRank')
  const { job, recipe, adapters, problems } = resolveSum(adaptation, services, made.sum, rank)
  const text = recipeText(recipe, made.sum.adapters)
  const chosen = made.learned
  const lineage = lineageOfAdaptation(
    adaptation,
    { kind: 'tuned', method: job.method, sources: sourcesOf(made), recipe: text, chosen },
    context,
    services,
  )
  let merged: MergeOutcome | undefined
  const form: { value: Form | undefined } = { value: undefined }
  const written = await writeAdapter(
    {
      ...{ origin: 'tuned', bytes: writtenBytes(job), lineage, config: adapterConfig(job, adapters) },
      async writeWeights(file) {
        merged = await services.engine.merge(job, file, { onProgress: context.report, signal: context.signal })
      },
      card: (folderName) =>
        adaptCard({
          ...{ name: context.title, folderName, adaptation, recipe: text, appVersion: services.appVersion, learned: chosen },
          ...{ selection: made.selection, coefficients: made.table },
          baseModelName: adapters[0]?.baseModelName ?? null,
          shape: shapeText(job, merged!),
        }),
    },
    services,
    context,
    async ({ id }) => {
      const what = keptEnergyOf(merged!) < 1 || isCut(merged!) ? 'result' : 'exact'
      const exact: Contender[] =
        what === 'exact' ? [] : [{ what: 'exact', subject: { kind: 'recipe', name: `${context.title}, not cut`, recipe: recipeOfSum(made.sum, 0, adaptation.input.seed) } }] // prettier-ignore
      const contenders = [
        ...standards(adaptation),
        ...exact,
        { what, subject: { kind: 'adapter', adapterId: id, coefficient: 1 } } as const,
      ]
      const runs = await runContenders(contenders, adaptation, services, context, made.sum.adapters)
      form.value = {
        ...{ rank: merged!.rank, exact: what === 'exact', keptEnergy: keptEnergyOf(merged!) },
        measured: measuredOf(contenders, runs),
      }
      context.update({ form: form.value, method: job.method })
    },
  )
  return { written, form: form.value!, problems: [...problems, ...written.problems] }
}

interface ResolvedSum {
  readonly job: ResolvedMergeJob
  readonly recipe: Recipe
  readonly adapters: readonly AdapterDetail[]
  readonly problems: readonly Problem[]
}

/** The recipe of a sum resolved over the library and the work folder. Throws a Refusal with what keeps it from being merged. */
export function resolveSum(
  { input }: Pick<ResolvedAdaptation, 'input'>,
  services: Pick<AdaptServices, 'adapters'>,
  sum: LearnedSum,
  rank: number,
): ResolvedSum {
  const { job, recipe, adapters, problems } = resolveDraft(
    recipeOfSum(sum, rank, input.seed),
    withOverlay(services.adapters, sum.adapters),
    {
      device: 'cpu',
    },
  )
  if (!job || !recipe || hasError(problems)) throw new Refusal(problems)
  return { job, recipe, adapters, problems: problems.filter(({ code }) => ['rank-invalid', 'extras-left-out'].includes(code)) }
}

function sourcesOf({ adapters, shown }: SumToMake): Lineage['sources'] {
  return adapters.map(({ id, name, contentHash, detail }, index) => ({
    // A random stand-in is in no library.
    id: detail.paths.length > 0 && !id.startsWith('random-') ? id : null,
    ...{ name, contentHash, coefficient: coefficientWords(shown[index]!) },
  }))
}

function isCut({ modules }: MergeOutcome): boolean {
  return modules.some(({ discardedEnergy }) => discardedEnergy > 0)
}

/** Share of the squared norm of the merged update that is left; 1 where nothing was cut. */
export function keptEnergyOf({ modules }: MergeOutcome): number {
  const total = modules.reduce((sum, { norm }) => sum + norm ** 2, 0)
  const cut = modules.reduce((sum, { norm, discardedEnergy }) => sum + (norm * discardedEnergy) ** 2, 0)
  return total > 0 ? 1 - cut / total : 1
}

function shapeText({ output: { dtype } }: ResolvedMergeJob, merged: MergeOutcome): string {
  const form = isCut(merged)
    ? `cut from the exact sum, ${(100 * keptEnergyOf(merged)).toFixed(2)} % of its squared norm kept`
    : 'the exact sum'
  return `Rank ${merged.rank}, ${dtype}, ${form}; scaling 1 (alpha equals rank; the sources' scaling and the coefficients are folded into the factors).`
}
