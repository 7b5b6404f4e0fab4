import { copyFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { EvaluateModule } from '../engine/evaluate-request.ts'
import type { LearnAdapter, LearnOutcome, Trained } from '../engine/learn-request.ts'
import { adaptCard } from './adapt-card.ts'
import { lineageOfAdaptation } from './adapt-lineage.ts'
import { measuredOf, runContenders, standards } from './adapt-measure.ts'
import { writeAdapter } from './adapt-output.ts'
import { choiceOf, flagOf, numberOf } from './adapt-params.ts'
import { costOf, learnedResult, noCost, type AdaptResult } from './adapt-result.ts'
import type { AdaptContext, AdaptServices, AdaptWork, ResolvedAdaptation } from './adapt-types.ts'
import { configText, continuedConfig } from './adapter-config.ts'
import type { LearnParts } from './learn-parts.ts'
import { remarksOnLearning, runLearning, withoutZeroUpdate } from './run-learning.ts'
import { targetKinds, targetModules } from './train-targets.ts'

/** What a training begins with, and which of its factors move. */
interface Start {
  readonly modules: readonly EvaluateModule[]
  readonly weightsFile: string | null
  readonly train: Trained
  /** LoRI-S: only the largest entries of a B that was trained first are trained. */
  readonly isSparse: boolean
}

/** Trains a new adapter, or goes on from one; LoRI-S finds its mask by a training of its own before. */
export const runTrain: AdaptWork = async (adaptation, services, context) => {
  const start = startOf(adaptation)
  const outFile = join(context.folder, 'learned.safetensors')
  const spent: LearnOutcome[] = []
  let maskFile: string | null = null
  if (start.isSparse) {
    const first = await learnMask(adaptation, services, context, start)
    spent.push(first.learned)
    maskFile = first.maskFile
  }
  const steps = numberOf(adaptation.params, 'steps')
  const learned = await runLearning(
    adaptation,
    services,
    context,
    partsOf(adaptation, context, { ...start, maskFile, key: `fresh ${adaptation.input.seed}`, folder: context.folder, outFile }),
    { stage: 'learning', doneBefore: start.isSparse ? steps : 0 },
  )
  spent.push(learned)
  const { text, problems } = remarksOnLearning(learned)
  const cost = costOf(adaptation, noCost, spent)
  context.update({ stopped: learned.stopped, stoppedText: text, cost })
  const { written, measured } = await makeTrained(adaptation, services, context, { start, outFile, learned })
  return learnedResult(written, learned, { measured, cost }, [...problems, ...withoutZeroUpdate(written.problems, learned)])
}

function startOf(adaptation: ResolvedAdaptation): Start {
  const { params, startFrom } = adaptation
  const variant = choiceOf(params, 'variant')
  const isFrozen = variant !== 'lora' || (startFrom !== null && choiceOf(params, 'startUse') === 'frozen_a')
  return {
    modules: startFrom?.modules ?? targetModules(adaptation),
    weightsFile: startFrom?.weightsFile ?? null,
    train: isFrozen ? 'b' : 'both',
    isSparse: variant === 'lori_s',
  }
}

/** Trains B from scratch within another random A and keeps where its entries are largest (lego-lori.md 2.3). */
async function learnMask(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  { modules }: Start,
): Promise<{ readonly learned: LearnOutcome; readonly maskFile: string }> {
  const folder = join(context.folder, 'mask')
  const outFile = join(folder, 'learned.safetensors')
  const maskFile = join(folder, 'mask.safetensors')
  const parts = partsOf(adaptation, context, {
    ...{ modules, weightsFile: null, train: 'b', maskFile: null, key: `mask ${adaptation.input.seed}`, folder, outFile },
  })
  context.update({ total: 2 * numberOf(adaptation.params, 'steps') })
  const learned = await runLearning(adaptation, services, context, parts, { stage: 'learning where to train', doneBefore: 0 })
  const { kept, total } = await services.engine.sparseMask(
    {
      ...{ weightsFile: outFile, sparsity: numberOf(adaptation.params, 'sparsity'), outFile: maskFile },
      modules: modules.map(({ name, b }) => ({ name, b })),
      scope: choiceOf(adaptation.params, 'maskScope') as 'adapter' | 'module',
    },
    { signal: context.signal },
  )
  context.note(`the mask keeps ${kept} of ${total} entries of B`)
  return { learned, maskFile }
}

interface PhaseParts {
  readonly modules: Start['modules']
  readonly weightsFile: string | null
  readonly train: Trained
  readonly maskFile: string | null
  /** What the random numbers hang on. */
  readonly key: string
  readonly folder: string
  readonly outFile: string
}

function partsOf({ params }: ResolvedAdaptation, { stopFile }: AdaptContext, phase: PhaseParts): LearnParts {
  const { modules, weightsFile, train, maskFile, key, folder, outFile } = phase
  const adapter: LearnAdapter = {
    ...{ name: 'the new adapter', key, weightsFile, modules, train, maskFile, dropout: numberOf(params, 'dropout') },
    fresh: weightsFile === null ? { a: 'uniform' } : null,
  }
  return {
    adapters: [adapter],
    coefficients: null,
    objective: { kind: 'cross_entropy', temperature: 1, l1: 0 },
    rates: {
      ...{ rate: numberOf(params, 'learningRate'), coefficientRate: 0, bRatio: numberOf(params, 'bRatio') },
      ...{ clipNorm: numberOf(params, 'clipNorm'), clipEach: flagOf(params, 'clipEach') },
    },
    parameters: modules.reduce((sum, { rank, in: width, out }) => sum + rank * (train === 'both' ? width + out : out), 0),
    ...{ folder, stopFile, outFile },
  }
}

async function makeTrained(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  { start, outFile, learned }: { readonly start: Start; readonly outFile: string; readonly learned: LearnOutcome },
) {
  const { startFrom, params } = adaptation
  const baseModelName = startFrom?.detail.baseModelName ?? usualBaseName(adaptation, services)
  const rank = Math.max(...start.modules.map((module) => module.rank))
  const sources = startFrom ? [{ id: startFrom.id, name: startFrom.name, contentHash: startFrom.contentHash, coefficient: '1' }] : []
  const method = choiceOf(params, 'variant')
  let measured: AdaptResult['measured'] = []
  const written = await writeAdapter(
    {
      ...{ origin: 'trained', bytes: (await stat(outFile)).size },
      lineage: lineageOfAdaptation(
        adaptation,
        { kind: 'trained', method, sources, recipe: context.recipe, chosen: learned },
        context,
        services,
      ),
      writeWeights: (file) => copyFile(outFile, file),
      config: startFrom
        ? continuedConfig(startFrom.detail, numberOf(params, 'dropout'))
        : configText({
            ...{ rank, alpha: numberOf(params, 'alpha'), useRslora: flagOf(params, 'rsLora'), dropout: numberOf(params, 'dropout') },
            ...{ baseModelName, revision: null, taskType: 'CAUSAL_LM', fanInFanOut: false, targetModules: [...targetKinds(params)].sort() },
          }),
      card: (folderName) =>
        adaptCard({
          ...{ name: context.title, folderName, adaptation, baseModelName, learned, appVersion: services.appVersion },
          ...{ selection: [], coefficients: null, recipe: context.recipe, shape: `Variant ${method}, rank ${rank}, float32.` },
        }),
    },
    services,
    context,
    async ({ id }) => {
      const contenders = [...standards(adaptation), { what: 'exact', subject: { kind: 'adapter', adapterId: id, coefficient: 1 } } as const]
      measured = measuredOf(contenders, await runContenders(contenders, adaptation, services, context))
      context.update({ form: { rank, exact: true, keptEnergy: 1, measured } })
    },
  )
  return { written, measured }
}

/** Adapters that are asked how they call the base model. */
const mostAsked = 100

/** The name of the base model that the adapters of the library agree on which fit it; else its own. */
function usualBaseName({ base }: ResolvedAdaptation, { bases, adapters }: AdaptServices): string {
  const matches = bases.matches(base.id)
  if ('code' in matches) return base.name
  const names = new Set(matches.fitting.slice(0, mostAsked).flatMap(({ id }) => adapters.get(id)?.baseModelName ?? []))
  return names.size === 1 ? [...names][0]! : base.name
}
