import { choiceOf, numberOf } from './adapt-params.ts'
import type { CheckedAdaptation, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { targetModules } from './train-targets.ts'

/** Tokens that one pass through the model takes at most; a longer example makes a pass of its own. */
export const passTokens = 4096

/** How many adapters are merged: K, or all there are. */
export function chosenCount({ params, pool, own }: Pick<CheckedAdaptation, 'params' | 'pool' | 'own'>): number {
  const isAll = params['selection'] === 'all'
  const there = pool.length + (own && params['ownFirst'] === true ? 1 : 0)
  return isAll ? there : Math.min(there, numberOf(params, 'k'))
}

/** Tokens of examples, prompts and answers together. */
export function tokensOf(examples: ResolvedAdaptation['train']): number {
  return examples.reduce((sum, { prompt, answer }) => sum + prompt.length + answer.length, 0)
}

/** How often the validation loss is measured: at step 0, every so many steps, and at the end. */
export function looksOf(steps: number, every: number): number {
  return Math.floor(steps / every) + (steps % every === 0 ? 1 : 2)
}

/** Tokens of all steps and looks of tuning or training, the second phase of LoRI-S included. */
export function learningTokens({ params, train, validation }: ResolvedAdaptation): number {
  const steps = numberOf(params, 'steps')
  const perStep = numberOf(params, 'batch') * numberOf(params, 'accumulation') * (tokensOf(train) / train.length)
  const phases = params['variant'] === 'lori_s' ? 2 : 1
  return Math.round(phases * (steps * perStep + looksOf(steps, numberOf(params, 'validateEvery')) * tokensOf(validation)))
}

/** Numbers that are learned; null where that depends on which adapters are chosen. */
export function learnedNumbers(checked: CheckedAdaptation): number | null {
  if (checked.arm === 'train') return trainedNumbers(checked)
  if (checked.arm !== 'tune') return null
  const granularity = choiceOf(checked.params, 'granularity')
  const trainsToo = checked.params['trainAdapters'] === true
  const counts = candidates(checked).map((adapter) => coefficientsOf(adapter, granularity) + (trainsToo ? numbersOf(adapter.modules) : 0))
  const chosen = chosenCount(checked)
  const [first = 0] = counts
  if (chosen >= counts.length) return counts.reduce((sum, count) => sum + count, 0)
  return counts.every((count) => count === first) ? first * chosen : null
}

/** Numbers of the units of the chosen adapters, at most; of a fresh adapter, exactly. */
export function unitNumbers(checked: CheckedAdaptation): number {
  if (checked.arm === 'train') return numbersOf(checked.startFrom?.modules ?? targetModules(checked))
  const sizes = candidates(checked)
    .map(({ modules }) => numbersOf(modules))
    .sort((left, right) => right - left)
  return sizes.slice(0, chosenCount(checked)).reduce((sum, size) => sum + size, 0)
}

function candidates({ pool, own, params }: CheckedAdaptation): readonly UsableAdapter[] {
  return own && params['ownFirst'] === true ? [own, ...pool] : pool
}

function numbersOf(modules: readonly { readonly rank: number; readonly in: number; readonly out: number }[]): number {
  return modules.reduce((sum, module) => sum + module.rank * (module.in + module.out), 0)
}

function trainedNumbers(checked: CheckedAdaptation): number {
  const modules = checked.startFrom?.modules ?? targetModules(checked)
  const variant = choiceOf(checked.params, 'variant')
  const isFrozen = variant !== 'lora' || (checked.startFrom !== null && checked.params['startUse'] === 'frozen_a')
  if (!isFrozen) return numbersOf(modules)
  const ofB = modules.reduce((sum, { rank, out }) => sum + rank * out, 0)
  return variant === 'lori_s' ? Math.round((1 - numberOf(checked.params, 'sparsity')) * ofB) : ofB
}

function coefficientsOf({ detail: { modules } }: UsableAdapter, granularity: string): number {
  const attention = (name: string): boolean => name.includes('.self_attn.')
  switch (granularity) {
    case 'adapter':
      return 1
    case 'layer':
      return new Set(modules.map(({ layer }) => layer)).size
    case 'sublayer':
      return new Set(modules.map(({ layer, name }) => `${layer} ${attention(name)}`)).size
    case 'unit':
      return modules.reduce((sum, { rank }) => sum + rank, 0)
    default:
      return modules.length
  }
}
