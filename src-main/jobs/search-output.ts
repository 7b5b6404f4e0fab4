import type { AdaptationDetail, Trial } from '../contract/adapt.ts'
import { hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { MergeOutcome, Recipe, ResolvedMergeJob } from '../contract/recipe.ts'
import { coefficientFor } from '../recipes/coefficients.ts'
import { writtenBytes } from '../recipes/file-size.ts'
import { recipeText } from '../recipes/recipe-text.ts'
import { resolveDraft } from '../recipes/resolve-recipe.ts'
import { adaptCard } from './adapt-card.ts'
import { lineageOfAdaptation } from './adapt-lineage.ts'
import { measuredOf, runContenders, standards, type Contender } from './adapt-measure.ts'
import { writeAdapter, type WrittenOutput } from './adapt-output.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { adapterConfig } from './adapter-config.ts'
import { plainTerms } from './evaluate-terms.ts'
import { coefficientTable, coefficientWords, type LearnedSum } from './learned-sum.ts'
import { keptEnergyOf } from './make-sum.ts'
import { methodOf } from './search-input.ts'
import type { Searched } from './search-run.ts'
import { writtenRecipe } from './search-space.ts'

/** A search that came to its end, and the adapters it was about. */
export interface SearchEnd {
  readonly searched: Searched
  readonly chosen: readonly UsableAdapter[]
  readonly selection: AdaptationDetail['selection']
}

type Form = NonNullable<AdaptationDetail['form']>

/** Makes an adapter of the trial that is kept, takes it in and measures it beside the base model and one's own LoRA. */
export async function makeSearched(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  { searched, chosen, selection }: SearchEnd,
): Promise<{ readonly written: WrittenOutput; readonly form: Form; readonly problems: readonly Problem[] }> {
  const trial = searched.journal.trials[searched.best]!
  const exactRecipe = searched.space.recipeOf(trial.values)
  const draft = writtenRecipe(exactRecipe, adaptation.params)
  const { job, recipe, adapters, ranks, problems } = resolveDraft(draft, services.adapters, { device: 'cpu' })
  if (!job || !recipe || hasError(problems)) throw new Refusal(problems)
  const text = recipeText(recipe, chosen)
  const isExact = plainTerms(job, adapters, ranks?.cut ?? true) !== null
  const coefficients = coefficientsOf(draft, chosen)
  const table = methodOf(adaptation).coefficients ? coefficientTable(chosen, { adapters: chosen, coefficients }, coefficients) : null
  context.update({ coefficients: table, method: job.method })
  const lineage = lineageOfAdaptation(
    adaptation,
    {
      ...{ kind: 'tuned', method: job.method, recipe: text },
      sources: chosen.map(({ id, name, contentHash }, index) => ({
        ...{ id, name, contentHash },
        coefficient: table ? coefficientWords(coefficients[index]!) : 'none',
      })),
      chosen: chosenOf(searched, trial),
    },
    context,
    services,
  )
  let merged: MergeOutcome | undefined
  let form: Form | undefined
  const written = await writeAdapter(
    {
      ...{ origin: 'tuned', bytes: writtenBytes(job), lineage, config: adapterConfig(job, adapters) },
      async writeWeights(file) {
        merged = await services.engine.merge(job, file, { onProgress: context.report, signal: context.signal })
      },
      card: (folderName) =>
        adaptCard({
          ...{ name: context.title, folderName, adaptation, selection, coefficients: table, learned: null, recipe: text },
          appVersion: services.appVersion,
          baseModelName: adapters[0]?.baseModelName ?? null,
          shape: shapeText(job, merged!, searched),
        }),
    },
    services,
    context,
    async ({ id }) => {
      const what = isExact ? 'exact' : 'result'
      // What was searched is not what is written where the exact sum is cut to a rank: both are measured.
      const uncut: Contender[] =
        draft === exactRecipe || isExact
          ? []
          : [{ what: 'exact', subject: { kind: 'recipe', name: `${context.title}, not cut`, recipe: exactRecipe } }]
      const contenders: Contender[] = [
        ...standards(adaptation),
        ...uncut,
        { what, subject: { kind: 'adapter', adapterId: id, coefficient: 1 } },
      ]
      const runs = await runContenders(contenders, adaptation, services, context)
      form = { rank: merged!.rank, exact: isExact, keptEnergy: keptEnergyOf(merged!), measured: measuredOf(contenders, runs) }
      context.update({ form })
    },
  )
  return { written, form: form!, problems: [...problems, ...written.problems] }
}

/** One coefficient for each module of each adapter, in its own order. */
function coefficientsOf(recipe: Recipe, chosen: readonly UsableAdapter[]): LearnedSum['coefficients'] {
  return chosen.map(({ detail }, index) => detail.modules.map((module) => coefficientFor(recipe.adapters[index]?.coefficient, module)))
}

/** The trial as the step that was chosen: by held-out examples where there are some, else by the objective. */
export function chosenOf({ journal, heldOut }: Searched, trial: Trial) {
  const valueOf = (one: Trial | undefined): number | null => (heldOut ? one?.validation : one?.objective) ?? null
  return { chosenStep: trial.index, startLoss: valueOf(journal.trials[0]), chosenLoss: valueOf(trial)! }
}

function shapeText({ method, output: { dtype } }: ResolvedMergeJob, merged: MergeOutcome, { journal, best }: Searched): string {
  const kept = keptEnergyOf(merged)
  const cut = kept < 1 ? `, ${(100 * kept).toFixed(2)} % of its squared norm kept` : ''
  return `Trial ${best} of ${journal.trials.length}, merged by ${method}: rank ${merged.rank}, ${dtype}${cut}; scaling 1 (alpha equals rank; the sources' scaling and the coefficients are folded into the factors).`
}
