import type Database from 'better-sqlite3'
import type { Difference } from '../contract/run.ts'
import { pairedSteps } from '../statistics/paired.ts'
import { inSlices } from './in-slices.ts'
import type { StoredRun } from './run-rows.ts'

type Side = Pick<StoredRun, 'seq' | 'done'>

interface StoredDifference {
  readonly n: number
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

/**
 * The difference of a run to a baseline over the questions that both answered: same example, same prompt, same expected answer. Null with fewer than
 * two of them, where an interval would say nothing. What was computed is kept until one of the two runs grows.
 */
export type FindDifference = (run: Side, baseline: Side) => Promise<Difference | null>

/** Differences over the tables of `db`. */
export function createDifferences(db: Database.Database): FindDifference {
  const known = db.prepare<[object], StoredDifference>(
    `SELECT n, value, low, high FROM differences
     WHERE run_seq = @run AND baseline_seq = @baseline AND done = @done AND baseline_done = @baselineDone`,
  )
  const pairs = db
    .prepare<[object], [difference: number, weight: number]>(
      `SELECT o.value - t.value, o.weight FROM outcomes o JOIN outcomes t ON t.question_id = o.question_id AND t.run_seq = @baseline
       WHERE o.run_seq = @run AND o.value IS NOT NULL AND t.value IS NOT NULL ORDER BY o.position`,
    )
    .raw()
  // A run may be removed while its difference is computed.
  const put = db.prepare(
    `INSERT OR REPLACE INTO differences (run_seq, baseline_seq, done, baseline_done, n, value, low, high)
     SELECT @run, @baseline, @done, @baselineDone, @n, @value, @low, @high
     WHERE EXISTS (SELECT 1 FROM runs WHERE seq = @run) AND EXISTS (SELECT 1 FROM runs WHERE seq = @baseline)`,
  )

  return async (run, baseline) => {
    const sides = { run: run.seq, baseline: baseline.seq, done: run.done, baselineDone: baseline.done }
    const stored = known.get(sides)
    if (stored) return differenceOf(stored)
    const rows = pairs.all(sides)
    const interval =
      rows.length < 2
        ? { value: null, low: null, high: null }
        : await inSlices(
            pairedSteps(
              rows.map(([difference]) => difference),
              { weights: rows.map(([, weight]) => weight) },
            ),
          )
    const made = { n: rows.length, ...interval }
    put.run({ ...sides, ...made })
    return differenceOf(made)
  }
}

function differenceOf({ n, value, low, high }: StoredDifference): Difference | null {
  return value === null || low === null || high === null ? null : { value, low, high, n }
}
