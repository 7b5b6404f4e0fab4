import type { LearnActivation, LearnGranularity, LearnObjectiveKind, LearnStart } from '../engine/learn-request.ts'
import { choiceOf, flagOf, numberOf } from './adapt-params.ts'
import { costOf, learnedResult } from './adapt-result.ts'
import type { AdaptContext, AdaptWork, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { coefficientTable, meanCoefficients } from './learned-sum.ts'
import type { LearnParts } from './learn-parts.ts'
import { makeSum } from './make-sum.ts'
import { remarksOnLearning, runLearning, withoutZeroUpdate } from './run-learning.ts'
import { chooseAdapters } from './select-adapters.ts'
import { learnedFile, learnedSum, replaceByRandom } from './tune-adapters.ts'

/** Gradients of factors are scaled down above this norm, as the trainer of the reference does. */
const factorClipNorm = 1

/** Chooses adapters, learns their coefficients by gradient, and makes one adapter of the sum. */
export const runTune: AdaptWork = async (adaptation, services, context) => {
  const { selected, chosen, cost: spent } = await chooseAdapters(adaptation, services, context)
  const selection = [...selected]
  context.update({ selection, cost: costOf(adaptation, spent) })
  const adapters = await replaceByRandom(chosen, adaptation, services, context)
  const learned = await runLearning(adaptation, services, context, await partsOf(adapters, adaptation, context))
  const { text, problems } = remarksOnLearning(learned)
  const sum = await learnedSum(adapters, learned, adaptation, services, context)
  const shown = meanCoefficients(learned.coefficients)
  const table = coefficientTable(adapters, sum, shown)
  const cost = costOf(adaptation, spent, [learned])
  context.update({ stopped: learned.stopped, stoppedText: text, coefficients: table, cost })
  const {
    written,
    form,
    problems: said,
  } = await makeSum(adaptation, services, context, { sum, adapters, shown, selection, table, learned })
  return learnedResult(written, learned, { measured: form.measured, cost }, [...problems, ...withoutZeroUpdate(said, learned)])
}

async function partsOf(adapters: readonly UsableAdapter[], { params }: ResolvedAdaptation, context: AdaptContext): Promise<LearnParts> {
  const trainsToo = flagOf(params, 'trainAdapters')
  const { outFile } = await learnedFile(context)
  return {
    adapters: adapters.map(({ name, contentHash, weightsFile, modules }) => ({
      ...{ name, key: contentHash, weightsFile, modules, fresh: null, maskFile: null, dropout: 0 },
      train: trainsToo ? 'both' : 'none',
    })),
    coefficients: {
      train: true,
      granularity: choiceOf(params, 'granularity') as LearnGranularity,
      activation: choiceOf(params, 'activation') as LearnActivation,
      start: { kind: choiceOf(params, 'start') as LearnStart['kind'], value: numberOf(params, 'startValue') },
    },
    objective: {
      kind: choiceOf(params, 'objective') as LearnObjectiveKind,
      temperature: numberOf(params, 'temperature'),
      l1: numberOf(params, 'l1'),
    },
    rates: {
      rate: numberOf(params, 'adapterLearningRate'),
      coefficientRate: numberOf(params, 'learningRate'),
      bRatio: 1,
      clipNorm: factorClipNorm,
      clipEach: false,
    },
    parameters: trainsToo
      ? adapters.flatMap(({ modules }) => modules).reduce((sum, { rank, in: width, out }) => sum + rank * (width + out), 0)
      : 0,
    folder: context.folder,
    ...{ stopFile: context.stopFile, outFile },
  }
}
