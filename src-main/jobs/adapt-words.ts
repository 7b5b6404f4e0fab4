import { selectionIds, selectionOf } from '../contract/selection.ts'
import { numberOf } from './adapt-params.ts'
import { chosenCount } from './adapt-size.ts'
import type { ResolvedAdaptation } from './adapt-types.ts'

/** One sentence that says what will happen. */
export function sentenceOf(
  adaptation: ResolvedAdaptation,
  { parameters, toScore }: { readonly parameters: number | null; readonly toScore: number },
): string {
  const { arm, control, params, own } = adaptation
  const numbers =
    parameters === null ? 'the coefficients' : `${parameters.toLocaleString('en')} ${arm === 'train' ? 'numbers' : 'coefficients'}`
  const scored = toScore > 0 ? `Runs ${counted(toScore, 'adapter')} on the training examples, ` : ''
  // Training chooses nothing.
  const chosen = arm === 'train' ? '' : `${scored === '' ? 'Chooses' : 'chooses'} ${chosenText(adaptation)}`
  if (control?.id === 'zero_coefficients')
    return `${scored}${chosen}, and compares them at coefficient 0 with the base model, answer for answer.`
  if (control?.id === 'own_alone')
    return `Sends ${own?.name ?? 'your LoRA'} through the merge at coefficient 1 and compares it with itself, answer for answer.`
  if (control?.id === 'best_single') return `${scored}${chosen}, and measures that one as it is.`
  switch (arm) {
    case 'select':
      return `${scored}${chosen}; nothing is made.`
    case 'search':
      return `${scored}${chosen}, then tries ${counted(numberOf(params, 'trials'), 'candidate')} on ${counted(adaptation.train.length, 'example')}.`
    case 'tune':
      return `${scored}${chosen}${randomText(params['parameters'])}, then learns ${numbers} ${stepsText(adaptation)}.`
    case 'train':
      return `Trains ${numbers} ${stepsText(adaptation)}.`
  }
}

function chosenText(adaptation: ResolvedAdaptation): string {
  const { params, pool, own } = adaptation
  const count = chosenCount(adaptation)
  const isOwnFirst = own !== null && params['ownFirst'] === true
  if (isOwnFirst && count === 1) return own.name
  const id = selectionIds.find((known) => known === params['selection'])
  const how = id === undefined || id === 'manual' || id === 'all' ? '' : ` by ${lowered(selectionOf(id).label)}`
  const others = isOwnFirst ? count - 1 : count
  return `${isOwnFirst ? `${own.name} and ` : ''}${others} of ${counted(pool.length, 'adapter')}${how}`
}

function randomText(parameters: unknown): string {
  return parameters === 'random' ? ', replaces them by random numbers of the same deviations' : ''
}

function stepsText({ params, train, validation, noValidation }: ResolvedAdaptation): string {
  const batch = numberOf(params, 'batch') * numberOf(params, 'accumulation')
  const steps = `in ${counted(numberOf(params, 'steps'), 'step')} of ${counted(batch, 'example')} on ${counted(train.length, 'training example')}`
  if (params['choose'] === 'last') return `${steps}; the last step is kept`
  return noValidation
    ? `${steps}, which choose the step too`
    : `${steps}; ${counted(validation.length, 'other')} choose${validation.length === 1 ? 's' : ''} the step`
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** "1 step", "20 steps". */
function counted(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`
}
