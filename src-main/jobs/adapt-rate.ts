import type { AdaptServices, CheckedAdaptation } from './adapt-types.ts'

type Rates = Pick<AdaptServices, 'runs'>

/** Learning is slower than answering; its rate is kept apart under this name of the device. */
function learningDevice(device: string): string {
  return `${device}, learning`
}

/** Backward costs about twice forward: what learning is taken to cost before it was measured. */
const learningCost = 3

/** Notes how long learning took, without loading. */
export function noteLearningRate(
  { runs }: Rates,
  { base, device }: Pick<CheckedAdaptation, 'base' | 'device'>,
  tokens: number,
  seconds: number,
): void {
  runs.noteRate(learningDevice(device.name), base.id, tokens, seconds)
}

/** Seconds that learning and answering so many tokens take; null before anything was measured with this base model on this device. */
export function secondsFor(
  { runs }: Rates,
  { base, device }: Pick<CheckedAdaptation, 'base' | 'device'>,
  tokens: { readonly learned: number; readonly answered: number },
): number | null {
  const answering = runs.rate(device.name, base.id)
  const learning = runs.rate(learningDevice(device.name), base.id) ?? (answering === null ? null : answering / learningCost)
  if (learning === null) return null
  return tokens.learned / learning + tokens.answered / (answering ?? learning * learningCost)
}
