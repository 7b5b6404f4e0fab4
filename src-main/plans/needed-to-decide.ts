import { examplesToDetect } from '../statistics/detectable.ts'
import type { Interval } from '../statistics/interval.ts'
import { examplesToRuleOut } from '../statistics/never-seen.ts'
import type { Measured } from './measure-arms.ts'
import { counted, numbersOf, type Unit } from './measure-words.ts'

/**
 * How much more would have to be measured so that the interval leaves out 0, or else the margin, if the difference stays what it is: test examples on one
 * task; over several the number of tasks, whose spread the interval already holds. In words.
 */
export function neededToDecide(
  { value, low, high }: Interval,
  measured: Measured | null,
  { margin, unit, isOneTask }: { readonly margin: number; readonly unit: Unit; readonly isOneTask: boolean },
): string {
  if (measured && measured.disagreement === 0 && margin > 0) {
    const needed = counted(Math.max(examplesToRuleOut(margin), measured.examples + 1))
    return `${needed} test examples without one that tells the two apart would rule out the margin (there are ${counted(measured.examples)}).`
  }
  const target = Math.max(value, margin - value)
  if (!measured || !(target > 0)) return 'More test examples, or more tasks.'
  const { signed, plural } = numbersOf(unit)
  const ifSo = `would decide it if the difference stays at ${signed(value)} ${plural}`
  if (isOneTask) {
    const needed = atLeast(detect(target, measured.disagreement), measured.examples)
    return `About ${needed} test examples (there are ${counted(measured.examples)}) ${ifSo}; results on more tasks of the kind count too.`
  }
  const spread = measured.tasks * ((high - low) / 2 / normal95) ** 2
  const needed = atLeast(detect(target, spread), measured.tasks)
  return `About ${needed} tasks (there are ${measured.tasks}) ${ifSo}; more test examples in each help where they are few.`
}

/** Standard deviations that a two-sided interval of 95 % reaches. */
const normal95 = 1.959964

/** examplesToDetect for a mean square of any size: it is the ratio that counts. */
function detect(target: number, meanSquare: number): number {
  const scale = Math.max(1, Math.sqrt(meanSquare), target)
  return examplesToDetect(target / scale, meanSquare / scale ** 2)
}

/** Two digits are all that such a figure is worth; rounded up, and more than there are. */
function atLeast(needed: number, present: number): string {
  const size = 10 ** Math.max(0, Math.floor(Math.log10(needed)) - 1)
  return counted(Math.max(Math.ceil(needed / size) * size, present + 1))
}
