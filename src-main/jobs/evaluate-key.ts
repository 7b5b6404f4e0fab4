import { createHash } from 'node:crypto'
import { canonicalJson } from '../platform/canonical-json.ts'
import type { EvaluatedSplit, Run } from '../contract/run.ts'

/**
 * Everything that a run's outcomes depend on. A run is taken from the library instead of computed only where all of it is equal:
 * - the base model by its content hash (weights, config, tokenizer, chat template), the subject by its key (content hash and coefficient of an
 *   adapter, fingerprint of a recipe), the task by its hash and the examples by their ids, in order: the limit is in them;
 * - what is asked: metric, most new tokens where it generates, most tokens of a prompt (it decides which examples are left out);
 * - the arithmetic: kind of device, and the build of the native core, because a later one may round differently. Threads, batches and memory are
 *   not in it: they change no result on the processor (ENGINE.md D.7), and on a GPU nothing beyond its rounding.
 * Split and budget are in it because a table shows runs under them, even where two of them hold the same examples.
 */
export interface RunFacts {
  readonly base: string
  readonly subject: string
  readonly task: string
  readonly split: EvaluatedSplit
  readonly budget: Run['budget']
  readonly metric: string
  /** Hash of the ids of the examples, in order. */
  readonly examples: string
  /** null where the metric generates nothing. */
  readonly maxNewTokens: number | null
  readonly maxPromptTokens: number | null
  readonly device: string
  readonly nativeBuild: string
}

/** SHA-256 (hex) of the canonical JSON of what a run depends on. */
export function runKey(facts: RunFacts): string {
  return hashOf({ kind: 'run', schema: 1, ...facts })
}

/** SHA-256 (hex) of a value's canonical JSON. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}
