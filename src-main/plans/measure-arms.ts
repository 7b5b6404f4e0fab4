import type { ArmRole } from '../contract/plan.ts'
import type { Interval } from '../statistics/interval.ts'
import { widenUnseen } from '../statistics/never-seen.ts'
import { twoLevelMany, type Contrast, type Rows, type Sides } from '../statistics/two-level-many.ts'

/** What one arm gave on the test examples of one task: a value for each example and seed, larger being better. */
export interface ArmOnTask {
  /** Ids of the examples, in one order for all seeds. */
  readonly exampleIds: readonly string[]
  /** For each seed one value per example. */
  readonly bySeed: readonly ArrayLike<number>[]
  /**
   * Seeds of the rows; arms are paired over those that both have. null for an arm that has none (the base model): its one row is paired with every seed of
   * others. When absent, a single row has no seed, and several are numbered.
   */
  readonly seeds?: readonly number[] | null
}

/** An arm with what it gave, by task. */
export interface ComparedArm {
  readonly id: string
  readonly role: ArmRole | null
  readonly tasks: ReadonlyMap<string, ArmOnTask>
}

/** A task, or (null) several of which the mean is taken. */
export interface Place {
  readonly task: string | null
  readonly over: readonly string[]
}

/** Value of an arm, or its paired difference to another. */
export interface Measured {
  readonly interval: Interval
  /** Test examples, over all tasks. */
  readonly examples: number
  readonly tasks: number
  /** Of the task with most. */
  readonly seeds: number
  /** Mean square of the differences: for proportions the share of examples on which the two disagree. */
  readonly disagreement: number
  /** Examples that the one gets right and the other does not, where there is one task, one seed and only zeros and ones; null elsewhere. */
  readonly split: { readonly here: number; readonly there: number } | null
}

/** An arm alone (null) or against another. */
export type Pair = readonly [arm: string, to: string | null]
/** The measured pair at a place; null where one of the two was not measured there. */
export type Measurements = (arm: string, to: string | null, place: Place) => Measured | null

/** Measures pairs of arms at places, all at once: they share what is drawn. What was not asked for is null afterwards. */
export function measureArms(arms: readonly ComparedArm[], places: readonly Place[], pairs: readonly Pair[]): Measurements {
  const byId = new Map(arms.map((arm) => [arm.id, arm]))
  const rowsOf = createRowPicker()
  const asked = new Map<string, { readonly place: Place; readonly contrast: Contrast }>()
  for (const place of places) {
    for (const [arm, to] of pairs) {
      const contrast = contrastOf(byId.get(arm), to === null ? null : byId.get(to), place, rowsOf)
      if (contrast) asked.set(keyOf(arm, to, place), { place, contrast })
    }
  }
  const intervals = twoLevelMany([...asked.values()].map(({ contrast }) => contrast))
  const found = new Map([...asked].map(([key, { contrast }], index) => [key, describe(contrast, intervals[index]!)]))
  return (arm, to, place) => found.get(keyOf(arm, to, place)) ?? null
}

function keyOf(arm: string, to: string | null, place: Place): string {
  return JSON.stringify([arm, to, place.task])
}

type RowPicker = (arm: ArmOnTask, seeds: readonly number[]) => Rows

/** Rows of some seeds of an arm; the same object for the same seeds, so that they are summed once. */
function createRowPicker(): RowPicker {
  const known = new Map<ArmOnTask, Map<string, Rows>>()
  return (arm, seeds) => {
    const own = seedsOf(arm) ?? []
    if (own.length === seeds.length && own.every((seed, index) => seed === seeds[index])) return arm.bySeed
    const picked = known.get(arm) ?? new Map<string, Rows>()
    known.set(arm, picked)
    const key = seeds.join()
    const rows = picked.get(key) ?? seeds.map((seed) => arm.bySeed[own.indexOf(seed)]!)
    picked.set(key, rows)
    return rows
  }
}

function seedsOf({ bySeed, seeds }: ArmOnTask): readonly number[] | null {
  if (seeds !== undefined) return seeds
  return bySeed.length === 1 ? null : bySeed.map((_, index) => index)
}

/** null where one of the arms lacks one of the tasks, or they have no seed in common. */
function contrastOf(arm: ComparedArm | undefined, to: ComparedArm | undefined | null, { over }: Place, rowsOf: RowPicker): Contrast | null {
  if (!arm || to === undefined || over.length === 0) return null
  const sides = over.flatMap((task): Sides[] => {
    const [here, there] = [arm.tasks.get(task), to?.tasks.get(task)]
    if (!here || (to && !there)) return []
    if (!there) return [{ here: here.bySeed, there: null }]
    const [own, other] = [seedsOf(here), seedsOf(there)]
    if (!own || !other) return [{ here: here.bySeed, there: there.bySeed }]
    const common = own.filter((seed) => other.includes(seed))
    return common.length === 0 ? [] : [{ here: rowsOf(here, common), there: rowsOf(there, common) }]
  })
  return sides.length === over.length && sides.every(({ here }) => (here[0]?.length ?? 0) > 0) ? sides : null
}

function describe(contrast: Contrast, interval: Interval): Measured {
  let [count, squares, plus, minus, isSplit] = [0, 0, 0, 0, contrast.length === 1]
  let [examples, seeds] = [0, 0]
  let [least, most, isShare] = [Infinity, -Infinity, true]
  for (const { here, there } of contrast) {
    const rows = Math.max(here.length, there?.length ?? 0)
    seeds = Math.max(seeds, rows)
    examples += here[0]!.length
    if (rows > 1) isSplit = false
    for (let row = 0; row < rows; row++) {
      const own = here[here.length === 1 ? 0 : row]!
      const other = there?.[there.length === 1 ? 0 : row]
      for (let i = 0; i < own.length; i++) {
        const [value, reference] = [own[i]!, other ? other[i]! : 0]
        squares += (value - reference) ** 2
        least = Math.min(least, value - reference)
        most = Math.max(most, value - reference)
        if (value < 0 || value > 1 || reference < 0 || reference > 1) isShare = false
        if ((value !== 0 && value !== 1) || (reference !== 0 && reference !== 1)) isSplit = false
        else if (value > reference) plus++
        else if (value < reference) minus++
      }
      count += own.length
    }
  }
  const split = isSplit ? { here: plus, there: minus } : null
  const isPaired = contrast.some(({ there }) => there !== null)
  return {
    // Outcomes that are all the same leave nothing to resample; that is not certainty (docs/decisions/0026).
    interval: isShare && least === most ? widenUnseen(interval.value, examples, [isPaired ? -1 : 0, 1]) : interval,
    ...{ examples, tasks: contrast.length, seeds, disagreement: squares / count, split },
  }
}
