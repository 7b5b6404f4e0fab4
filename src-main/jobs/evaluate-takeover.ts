import { Refusal } from '../contract/problems.ts'
import type { EvaluateLine, FailedLine } from '../engine/evaluate-request.ts'
import type { NewOutcome } from '../library/run-types.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import type { FailureCounts } from './evaluate-remarks.ts'
import { outcomeOf } from './evaluate-outcome.ts'
import { runOf, type Work } from './evaluate-work.ts'

/** Brings outcomes into the library's runs; the same outcome twice does no harm. */
export interface Takeover {
  /** Lines of the journal. */
  take(lines: readonly EvaluateLine[]): void
  /** Outcomes that no line says: of examples that cannot be asked. */
  put(subject: number, task: number, outcomes: readonly NewOutcome[]): void
  /** Ends the work on every run that was touched. */
  finish(): Promise<void>
}

/** Takes over into `runs` what `work` describes. `decode` is called for generated tokens only; lines of failed pairs are counted in `failures`. */
export function createTakeover(
  work: Work,
  { runs, emitRuns }: Pick<EvaluateServices, 'runs' | 'emitRuns'>,
  decode: (tokens: readonly number[]) => string,
  failures: FailureCounts,
): Takeover {
  /** Ids of the runs begun here; null for one that a person removed meanwhile. */
  const begun = new Map<string, string | null>()

  function put(subject: number, task: number, outcomes: readonly NewOutcome[]): void {
    const place = `${subject} ${task}`
    let id = begun.get(place)
    if (id === undefined) begun.set(place, (id = runs.begin(runOf(work, subject, task)).id))
    if (id === null) return
    try {
      runs.addOutcomes(id, outcomes)
    } catch (error) {
      // Whoever removes a run while it grows does not want it.
      if (!(error instanceof Refusal) || error.problems[0]?.code !== 'run-unknown') throw error
      begun.set(place, null)
    }
  }

  return {
    put(subject, task, outcomes) {
      put(subject, task, outcomes)
      emitRuns(work.baseId)
    },
    take(lines) {
      const groups = new Map<string, { readonly subject: number; readonly task: number; readonly outcomes: NewOutcome[] }>()
      for (const line of lines) {
        if ('problem' in line) countFailure(failures, work.subjects[line.subject]!.subject.label, line)
        const [task, position] = work.items[line.item]!
        const { items, metric } = work.tasks[task]!
        const place = `${line.subject} ${task}`
        const group = groups.get(place) ?? { subject: line.subject, task, outcomes: [] }
        groups.set(place, group)
        group.outcomes.push(outcomeOf(line, items[position]!, position, metric, decode))
      }
      for (const { subject, task, outcomes } of groups.values()) put(subject, task, outcomes)
      if (lines.length > 0) emitRuns(work.baseId)
    },
    async finish() {
      for (const id of begun.values()) if (id !== null) await runs.finish(id)
      emitRuns(work.baseId)
    },
  }
}

function countFailure(failures: FailureCounts, label: string, { problem: code, message }: FailedLine): void {
  const known = failures.get(`${code} ${label}`)
  if (known) known.count += 1
  else failures.set(`${code} ${label}`, { label, code, message, count: 1 })
}
