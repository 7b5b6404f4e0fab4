import type { JobProgress } from '../contract/job.ts'
import type { EvaluateLine } from '../engine/evaluate-request.ts'
import type { Work } from './evaluate-work.ts'

/** Counts what an evaluation has done. */
export interface EvaluateMeter {
  count(lines: readonly EvaluateLine[]): void
  /** Progress of the core in examples, with tokens per second beside it. */
  progress(told: JobProgress): JobProgress
  readonly examples: number
}

/** A meter over `total` examples. The time of the first line's batch counts from the first progress of the stage. */
export function createEvaluateMeter(work: Work, total: number, now: () => number = () => performance.now()): EvaluateMeter {
  let began: number | undefined
  let examples = 0
  let tokens = 0
  return {
    count(lines) {
      examples += lines.length
      for (const line of lines) {
        const [task, position] = work.items[line.item]!
        const { promptTokens, choices } = work.tasks[task]!.items[position]!
        tokens += promptTokens
        if ('tokens' in line) tokens += line.tokens.length
        else if ('count' in line) tokens += line.count
        else if ('logProbabilities' in line) tokens += (choices ?? []).reduce((sum, choice) => sum + choice.tokens, 0)
      }
    },
    progress(told) {
      if (told.stage !== 'evaluating') return told
      began ??= now()
      const seconds = (now() - began) / 1000
      const done = Math.round(told.fraction * total)
      return { ...told, rate: seconds > 0 ? tokens / seconds : 0, unit: 'tokens', detail: `${done} of ${total} examples` }
    },
    get examples() {
      return examples
    },
  }
}
