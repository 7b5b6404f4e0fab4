import type { AdaptPlan } from '../contract/adapt.ts'
import { Refusal, type Problem } from '../contract/problems.ts'
import { selectionIds, selectionOf } from '../contract/selection.ts'
import { encodeAdaptation } from './adapt-examples.ts'
import type { AdaptJobInput } from './adapt-input.ts'
import { checkAdaptParams, numberOf } from './adapt-params.ts'
import { secondsFor } from './adapt-rate.ts'
import { resolveAdaptation } from './adapt-resolve.ts'
import { learnedNumbers, learningTokens, passTokens, tokensOf, unitNumbers } from './adapt-size.ts'
import type { AdaptServices, ResolvedAdaptation } from './adapt-types.ts'
import { sentenceOf } from './adapt-words.ts'
import { findOpenRuns } from './evaluate-open.ts'
import { resolveEvaluation } from './evaluate-resolve.ts'

/** What choosing, tuning, searching, training or a control would do and need. Makes tokens of the labelled examples; nothing is started. */
export async function planAdaptation(input: AdaptJobInput, services: AdaptServices, signal?: AbortSignal): Promise<AdaptPlan> {
  const nothing = {
    ...{ sentence: '', trainExamples: 0, validationExamples: 0, skipped: 0, noValidation: false, pool: 0, toScore: 0 },
    ...{ parameters: null, tokens: 0, etaSeconds: null, needsBytes: null, freeBytes: null, device: '' },
    params: checkAdaptParams(input).params,
  }
  try {
    await services.bases.readShapes(signal)
    const { checked, unfit, problems } = resolveAdaptation(input, services)
    if (!checked) return { ...nothing, unfit: [...unfit], problems: [...problems] }
    const { adaptation, problems: said } = await encodeAdaptation(checked, services, signal)
    const known = { ...nothing, unfit: [...unfit], device: checked.device.name, pool: checked.pool.length }
    if (!adaptation) return { ...known, problems: distinct([...problems, ...said]) }
    const scoring = scoringOf(adaptation, services)
    const work = learnedTokens(adaptation)
    const memory = await memoryOf(adaptation, services, signal)
    const parameters = learnedNumbers(checked)
    return {
      ...known,
      trainExamples: adaptation.train.length,
      validationExamples: adaptation.noValidation ? 0 : adaptation.validation.length,
      skipped: adaptation.skipped,
      noValidation: adaptation.noValidation,
      toScore: scoring.adapters,
      parameters,
      tokens: work.learned + work.answered + scoring.tokens,
      etaSeconds: secondsFor(services, adaptation, { learned: work.learned, answered: work.answered + scoring.tokens }),
      needsBytes: memory?.needs ?? null,
      freeBytes: memory?.free ?? null,
      sentence: sentenceOf(adaptation, { parameters, toScore: scoring.adapters }),
      problems: distinct([...problems, ...said]),
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ...nothing, unfit: [], problems: [...error.problems] }
  }
}

/** Adapters that the selection must still run on the base model, and the tokens that takes. */
function scoringOf(adaptation: ResolvedAdaptation, services: AdaptServices): { readonly adapters: number; readonly tokens: number } {
  const id = selectionIds.find((known) => known === adaptation.params['selection'])
  const none = { adapters: 0, tokens: 0 }
  if (adaptation.pool.length === 0 || id === undefined || selectionOf(id).cost !== 'model') return none
  const { input, train, file } = adaptation
  if (id === 'gradient') return { adapters: adaptation.pool.length, tokens: tokensOf(train) }
  const { evaluation } = resolveEvaluation(
    {
      ...{ baseId: input.baseId, maxNewTokens: null, maxPromptTokens: null, purpose: 'score' },
      subjects: adaptation.pool.map(({ id: adapterId }) => ({ kind: 'adapter', adapterId, coefficient: 1 })),
      tasks: [{ taskId: input.taskId, split: 'train', budget: input.budget, limit: null, metric: id === 'loss' ? 'mean_loss' : null }],
    },
    services.evaluation,
  )
  if (!evaluation) return none
  const open = findOpenRuns(evaluation, services.evaluation.runs).length
  const answers = id === 'loss' ? 0 : train.length * Math.min(4, file.maxNewTokens)
  return { adapters: open, tokens: open * (tokensOf(train) + answers) }
}

/** Tokens learned on, and those of candidates of a search. */
function learnedTokens(adaptation: ResolvedAdaptation): { readonly learned: number; readonly answered: number } {
  const { arm, control, params, train, validation } = adaptation
  if (control?.arm === 'evaluate' || arm === 'select') return { learned: 0, answered: 0 }
  if (arm !== 'search') return { learned: learningTokens(adaptation), answered: 0 }
  const judged = tokensOf(train) + (params['judgedOn'] === 'train' ? 0 : tokensOf(validation))
  return { learned: 0, answered: numberOf(params, 'trials') * judged }
}

/** Bytes of a number of the model's activations and units, by device: single precision on the processor, bfloat16 on a GPU. */
const numberBytes = (device: string): number => (device === 'cpu' ? 4 : 2)

/** Roughly what learning needs: the base model with its working memory, the units with what the optimiser keeps, and activations of one pass. */
async function memoryOf(
  adaptation: ResolvedAdaptation,
  { engine }: Pick<AdaptServices, 'engine'>,
  signal?: AbortSignal,
): Promise<{ readonly needs: number; readonly free: number } | null> {
  const { base, device, arm, params, train } = adaptation
  const { memory } = await engine.checkpoint(base.path, signal)
  const row = memory.find((entry) => entry.device === device.id)
  if (!row) return null
  const units = unitNumbers(adaptation)
  const isTrained = arm === 'train' || params['trainAdapters'] === true
  const unitBytes = units * numberBytes(device.id) + (isTrained ? units * 4 * 4 : 0)
  if (arm === 'select' || arm === 'search') return { needs: row.needs + unitBytes, free: row.free }
  const longest = train.reduce((most, { prompt, answer }) => Math.max(most, prompt.length + answer.length), 0)
  const tokens = Math.max(longest, Math.min(passTokens, longest * numberOf(params, 'batch')))
  const attention = (base.heads + 2 * base.kvHeads) * base.headDim
  const perLayer = tokens * (6 * base.hidden + 4 * base.intermediate + 2 * attention) * numberBytes(device.id)
  const inputs = tokens * base.hidden * base.layers * numberBytes(device.id)
  const kept = row.needs + unitBytes + perLayer * base.layers
  const recomputed = row.needs + unitBytes + perLayer + inputs
  return { needs: kept <= row.free ? kept : recomputed, free: row.free }
}

function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.code} ${problem.message}`, problem])).values()]
}
