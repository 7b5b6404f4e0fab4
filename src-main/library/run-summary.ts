import type Database from 'better-sqlite3'
import { metricOf, type MetricId } from '../contract/metrics.ts'
import { isProblemCode, problemTitles, warningProblem, type Problem } from '../contract/problems.ts'
import { bootstrapDefaults, bootstrapSteps } from '../statistics/bootstrap.ts'
import type { Interval } from '../statistics/interval.ts'
import { wilson } from '../statistics/wilson.ts'
import { inSlices } from './in-slices.ts'

/** How the interval of a run is made, in words. */
export function intervalKindOf(metric: MetricId): string {
  const { level, resamples, seed } = bootstrapDefaults
  const percent = `${level * 100} %`
  return metricOf(metric).interval === 'wilson'
    ? `Wilson ${percent}`
    : `bootstrap ${percent}, ${resamples.toLocaleString('en-US')} resamples, seed ${seed}`
}

/** Keeps count, value and interval of runs true to their raw outcomes. */
export interface RunSummaries {
  /** After outcomes were added: count, value and, where it is Wilson's, interval. A bootstrap interval waits for the end. */
  refresh(seq: number, metric: MetricId): void
  /** The bootstrap interval of what is there; nothing for the other kind. */
  bootstrap(seq: number, metric: MetricId): Promise<void>
}

interface Sums {
  readonly done: number
  readonly measured: number
  readonly total: number | null
  readonly weight: number | null
}

/** Summaries over the tables of `db`. */
export function createRunSummaries(db: Database.Database): RunSummaries {
  const sums = db.prepare<[number], Sums>(
    `SELECT count(*) AS done, count(value) AS measured, sum(value * weight) AS total,
      sum(CASE WHEN value IS NULL THEN 0 ELSE weight END) AS weight FROM outcomes WHERE run_seq = ?`,
  )
  const failures = db.prepare<[number], { problem: string; count: number }>(
    'SELECT problem, count(*) AS count FROM outcomes WHERE run_seq = ? AND problem IS NOT NULL GROUP BY problem ORDER BY problem',
  )
  const measured = db
    .prepare<[number], [value: number, weight: number]>(
      'SELECT value, weight FROM outcomes WHERE run_seq = ? AND value IS NOT NULL ORDER BY position',
    )
    .raw()
  const setSummary = db.prepare(
    `UPDATE runs SET done = @done, value = @value, low = @low, high = @high, problems = @problems WHERE seq = @seq`,
  )
  // Only where nothing was added while the interval was computed.
  const setInterval = db.prepare('UPDATE runs SET low = @low, high = @high WHERE seq = @seq AND done = @done')

  return {
    refresh(seq, metric) {
      const { done, measured: count, total, weight } = sums.get(seq)!
      const value = count > 0 && weight ? total! / weight : null
      const isProportion = metricOf(metric).interval === 'wilson'
      const interval: Partial<Interval> = isProportion && value !== null ? wilson(total!, count) : {}
      const problems = JSON.stringify(failures.all(seq).map((failure) => leftOut(failure, done)))
      setSummary.run({ seq, done, value, low: interval.low ?? null, high: interval.high ?? null, problems })
    },
    async bootstrap(seq, metric) {
      if (metricOf(metric).interval !== 'bootstrap') return
      const { done } = sums.get(seq)!
      const rows = measured.all(seq)
      if (rows.length === 0) return
      const weights = rows.map(([, weight]) => weight)
      const steps = bootstrapSteps(
        rows.map(([value]) => value),
        { weights },
      )
      const { low, high } = await inSlices(steps)
      setInterval.run({ seq, done, low, high })
    },
  }
}

/** Examples without a value, by what kept them from having one: a code or words. */
function leftOut({ problem, count }: { readonly problem: string; readonly count: number }, done: number): Problem {
  const code = isProblemCode(problem) ? problem : 'internal'
  const reason = isProblemCode(problem) ? problemTitles[problem] : problem
  return warningProblem(code, `${count} of ${done} examples have no value: ${reason}.`, {
    hint: 'They do not count in the mean. The examples of the run say which they are.',
  })
}
