import type { JobProgress } from '../contract/job.ts'
import type { EvaluateLine } from '../engine/evaluate-request.ts'
import type { Work } from './evaluate-work.ts'

/** Counts what an evaluation has done, over all its pieces. */
export interface EvaluateMeter {
  /** A piece of so many examples begins. */
  begin(work: Work, pieceExamples: number): void
  count(lines: readonly EvaluateLine[]): void
  /** Progress of the core in the piece's examples, as progress of the whole, with tokens per second beside it. */
  progress(told: JobProgress): JobProgress
  readonly examples: number
}

/** A meter over `total` examples. */
export function createEvaluateMeter(total: number, now: () => number = () => performance.now()): EvaluateMeter {
  let current: { readonly work: Work; readonly examples: number; readonly before: number } | undefined
  let began: number | undefined
  let examples = 0
  let tokens = 0
  return {
    begin: (work, pieceExamples) => (current = { work, examples: pieceExamples, before: examples }),
    count(lines) {
      if (!current) throw new Error('no piece was begun')
      examples += lines.length
      for (const line of lines) tokens += tokensOf(line, current.work)
    },
    progress(told) {
      if (told.stage !== 'evaluating' || !current) return told
      began ??= now()
      const seconds = (now() - began) / 1000
      const done = current.before + told.fraction * current.examples
      const isWhole = current.examples === total
      return {
        stage: told.stage,
        fraction: done / total,
        rate: seconds > 0 ? tokens / seconds : 0,
        unit: 'tokens',
        // What the core says is about its piece only.
        etaSeconds: isWhole ? told.etaSeconds : done > 0 && seconds > 1 ? (seconds * (total - done)) / done : null,
        detail: `${Math.round(done)} of ${total} examples`,
      }
    },
    get examples() {
      return examples
    },
  }
}

/** Tokens of the prompt and of what was answered. */
function tokensOf(line: EvaluateLine, work: Work): number {
  const [task, position] = work.items[line.item]!
  const { promptTokens, choices } = work.tasks[task]!.items[position]!
  if ('problem' in line) return promptTokens
  if ('tokens' in line) return promptTokens + line.tokens.length
  if ('count' in line) return promptTokens + line.count
  return promptTokens + (choices ?? []).reduce((sum, choice) => sum + choice.tokens, 0)
}
