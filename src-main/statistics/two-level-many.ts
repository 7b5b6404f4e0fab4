import { bootstrapDefaults, quantile } from './bootstrap.ts'
import type { Interval } from './interval.ts'
import { createRandom, type Random } from './random.ts'
import { poolSize } from './two-level.ts'
import { sumColumns } from './sum-columns.ts'

/** Values of one side on one task: for each seed one per example, or a single row where there are no seeds, which is paired with every seed of the other. */
export type Rows = readonly ArrayLike<number>[]

/** One task of a contrast: the mean of `here`, or where there is another side the mean of `here` minus `there`. The other has as many rows, or one of both has one. */
export interface Sides {
  readonly here: Rows
  readonly there: Rows | null
}

/** What is measured, on each task that it is measured over. */
export type Contrast = readonly Sides[]

/**
 * twoLevelBootstrap of many contrasts at once, with the same numbers: contrasts over tasks of the same shapes draw the same examples and seeds, so these are
 * drawn once for all, and each side is summed once however many contrasts it is in (sides are the same when their rows are the same object). For
 * values that are not whole numbers the last digits may differ. RangeError as twoLevelBootstrap.
 */
export function twoLevelMany(
  contrasts: readonly Contrast[],
  options: { readonly level?: number; readonly resamples?: number; readonly seed?: number } = {},
): readonly Interval[] {
  const { level, resamples, seed } = { ...bootstrapDefaults, ...options }
  const found = new Array<Interval>(contrasts.length)
  for (const [, places] of Map.groupBy(contrasts.keys(), (place) => shapeOf(contrasts[place]!))) {
    const alike = places.map((place) => contrasts[place]!)
    resampleAll(alike, resamples, createRandom(seed)).forEach((means, index) => {
      means.sort()
      found[places[index]!] = {
        value: meanOf(alike[index]!),
        low: quantile(means, (1 - level) / 2),
        high: quantile(means, (1 + level) / 2),
      }
    })
  }
  return found
}

function seedsOf({ here, there }: Sides): number {
  return Math.max(here.length, there?.length ?? 0)
}

function shapeOf(contrast: Contrast): string {
  if (contrast.length === 0) throw new RangeError('there are no tasks to draw from')
  return contrast.map((sides) => `${seedsOf(sides)}x${examplesOf(sides)}`).join()
}

function examplesOf(sides: Sides): number {
  const rows = [...sides.here, ...(sides.there ?? [])]
  const examples = rows[0]?.length ?? 0
  if (examples === 0) throw new RangeError('a task has no differences')
  if (rows.some(({ length }) => length !== examples)) throw new RangeError('the seeds of a task have unlike numbers of examples')
  const seeds = seedsOf(sides)
  if ([sides.here, sides.there ?? sides.here].some(({ length }) => length !== 1 && length !== seeds)) {
    throw new RangeError('two sides have unlike numbers of seeds')
  }
  return examples
}

/** Resampled means of contrasts whose tasks have the same shapes. */
function resampleAll(contrasts: readonly Contrast[], resamples: number, random: Random): readonly Float64Array[] {
  const tasks = contrasts[0]!.length
  const pools = contrasts.map((): Float64Array[] => [])
  for (let task = 0; task < tasks; task++) {
    const sides = contrasts.map((contrast) => contrast[task]!)
    resampleTask(sides, tasks === 1 ? resamples : poolSize, random).forEach((means, index) => pools[index]!.push(means))
  }
  return tasks === 1 ? pools.map(([means]) => means!) : resampleTasks(pools, resamples, random)
}

function resampleTask(sides: readonly Sides[], times: number, random: Random): readonly Float64Array[] {
  const distinct = [...new Set(sides.flatMap(({ here, there }) => (there ? [here, there] : [here])))]
  const places = new Map(distinct.map((rows, place) => [rows, place]))
  const seeds = seedsOf(sides[0]!)
  const examples = sides[0]!.here[0]!.length
  const sums = sumColumns(distinct, seeds, times, random)
  return sides.map(({ here, there }) => {
    const own = sums[places.get(here)!]!
    const other = there ? sums[places.get(there)!]! : null
    const means = new Float64Array(times)
    for (let time = 0; time < times; time++) means[time] = (own[time]! - (other ? other[time]! : 0)) / (seeds * examples)
    return means
  })
}

/** The same draws of tasks for every contrast; `pools` by contrast and task. */
function resampleTasks(pools: readonly (readonly Float64Array[])[], resamples: number, random: Random): readonly Float64Array[] {
  const tasks = pools[0]!.length
  const [pickedTasks, pickedMeans] = [new Uint32Array(tasks), new Uint32Array(tasks)]
  const means = pools.map(() => new Float64Array(resamples))
  for (let time = 0; time < resamples; time++) {
    for (let i = 0; i < tasks; i++) {
      pickedTasks[i] = random.below(tasks)
      pickedMeans[i] = random.below(poolSize)
    }
    for (let contrast = 0; contrast < pools.length; contrast++) {
      const pool = pools[contrast]!
      let sum = 0
      for (let i = 0; i < tasks; i++) sum += pool[pickedTasks[i]!]![pickedMeans[i]!]!
      means[contrast]![time] = sum / tasks
    }
  }
  return means
}

function meanOf(contrast: Contrast): number {
  return average(contrast.map((sides) => average(Array.from({ length: seedsOf(sides) }, (_, seed) => meanOfSeed(sides, seed)))))
}

function meanOfSeed({ here, there }: Sides, seed: number): number {
  const own = here[here.length === 1 ? 0 : seed]!
  const other = there?.[there.length === 1 ? 0 : seed]
  let sum = 0
  for (let i = 0; i < own.length; i++) sum += own[i]! - (other ? other[i]! : 0)
  return sum / own.length
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
