import { bootstrapDefaults, quantile } from './bootstrap.ts'
import type { Interval } from './interval.ts'
import { createRandom, type Random } from './random.ts'

/** Paired differences of one task: for each seed one per example, all over the same examples. */
export type TaskDifferences = readonly ArrayLike<number>[]

/** Resampled means of a task that resampled tasks are filled from, where there are several tasks. */
export const poolSize = 2000

/**
 * Mean over tasks (each counts the same) of the mean over its seeds and examples, with its percentile interval: tasks are drawn with replacement, and
 * within each drawn task its seeds and then its examples, the same examples for every seed (Davison and Hinkley 1997, section 3.8). One task is not
 * drawn: the interval is then over its seeds and examples. Means of drawn tasks come from a pool of 2,000 resamples of each task.
 * The noise within tasks is counted by both levels, so the interval is rather too wide than too narrow where it dominates.
 * Deterministic for a seed. RangeError where a task has no seed, no example, or seeds of unlike length.
 */
export function twoLevelBootstrap(
  tasks: readonly TaskDifferences[],
  options: { readonly level?: number; readonly resamples?: number; readonly seed?: number } = {},
): Interval {
  const { level, resamples, seed } = { ...bootstrapDefaults, ...options }
  if (tasks.length === 0) throw new RangeError('there are no tasks to draw from')
  tasks.forEach(checkTask)
  const random = createRandom(seed)
  const value = mean(tasks.map((task) => mean(task.map((differences) => mean(differences)))))
  const pools = tasks.map((task) => resampleTask(task, tasks.length === 1 ? resamples : poolSize, random))
  const means = tasks.length === 1 ? pools[0]! : resampleTasks(pools, resamples, random)
  means.sort()
  return { value, low: quantile(means, (1 - level) / 2), high: quantile(means, (1 + level) / 2) }
}

function resampleTask(task: TaskDifferences, times: number, random: Random): Float64Array {
  const examples = task[0]!.length
  const seeds = task.length
  const drawn = new Uint32Array(examples)
  const counts = new Float64Array(seeds)
  const means = new Float64Array(times)
  for (let time = 0; time < times; time++) {
    counts.fill(0)
    if (seeds === 1) counts[0] = 1
    else for (let i = 0; i < seeds; i++) counts[random.below(seeds)]! += 1
    random.fillBelow(examples, drawn)
    let sum = 0
    for (let s = 0; s < seeds; s++) {
      if (counts[s] === 0) continue
      const differences = task[s]!
      let part = 0
      for (let i = 0; i < examples; i++) part += differences[drawn[i]!]!
      sum += counts[s]! * part
    }
    means[time] = sum / (seeds * examples)
  }
  return means
}

function resampleTasks(pools: readonly Float64Array[], resamples: number, random: Random): Float64Array {
  const means = new Float64Array(resamples)
  for (let time = 0; time < resamples; time++) {
    let sum = 0
    for (let i = 0; i < pools.length; i++) {
      const pool = pools[random.below(pools.length)]!
      sum += pool[random.below(pool.length)]!
    }
    means[time] = sum / pools.length
  }
  return means
}

function checkTask(task: TaskDifferences): void {
  const examples = task[0]?.length ?? 0
  if (examples === 0) throw new RangeError('a task has no differences')
  if (task.some(({ length }) => length !== examples)) throw new RangeError('the seeds of a task have unlike numbers of examples')
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
