/** A pool over a tiny base model with a task of known splits, and a core played by a script, for the tests of selections. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  adaptInputSchema,
  type AdaptationDetail,
  type AdaptInput,
  type AdaptRequestInput,
  type Selected,
} from '../../../src-main/contract/adapt.ts'
import type { Job } from '../../../src-main/contract/job.ts'
import { createEngine, type Engine } from '../../../src-main/engine/engine.ts'
import { addTinyBase, reviews, scriptedEngine, type Script } from './evaluate-bench.ts'
import { openBench, type Bench } from './bench.ts'

/** Labelled examples and test examples of the task; all prompts differ. */
export const rows = { train: reviews(8), validation: reviews(12).slice(8), test: reviews(20).slice(12) }

export interface SelectBench {
  readonly bench: Bench
  readonly script: Script
  /** Ids of the pool, in its order. */
  readonly pool: readonly string[]
  readonly names: readonly string[]
  input(more: Partial<AdaptRequestInput>): AdaptInput
  /** Runs a selection to its end. */
  select(
    params: Readonly<Record<string, unknown>>,
    more?: Partial<AdaptRequestInput>,
  ): Promise<{ readonly job: Job; readonly detail: AdaptationDetail }>
  /** Names of the chosen ones in their places. */
  chosen(selected: readonly Selected[]): readonly string[]
}

/** Opens a bench whose adapters have different ranks; `core` replaces what the real core would do beside evaluations. */
export async function openSelectBench(core: Partial<Engine> = {}, script: Partial<Script> = {}): Promise<SelectBench> {
  const whole: Script = { calls: [], ...script }
  const engine = { ...createEngine({ threads: 2 }), ...scriptedEngine(whole), ...core }
  const bench = openBench({}, undefined, {}, { engine: scriptedEngine(whole) }, { engine })
  const names = ['alpha', 'beta', 'gamma-long', 'delta']
  const pool: string[] = []
  for (const [index, name] of names.entries()) pool.push((await bench.add(name, { r: 2 + 2 * index, seed: index + 1 })).id!)
  const baseId = addTinyBase(bench)
  const taskId = await addSplitTask(bench)
  const input = (more: Partial<AdaptRequestInput>): AdaptInput =>
    v.parse(adaptInputSchema, { arm: 'select', baseId, taskId, pool: [...pool], ...more })
  return {
    ...{ bench, script: whole, pool, names, input },
    async select(params, more = {}) {
      const { jobId, problems } = bench.queue.start('select', input({ params, ...more }))
      if (jobId === null) throw new Error(problems.map(({ code, message }) => `${code}: ${message}`).join('; '))
      const job = await bench.queue.whenEnded(jobId)
      return { job, detail: bench.library.adaptations.get(jobId)! }
    },
    chosen: (selected) =>
      selected
        .filter(({ place }) => place !== null)
        .sort((left, right) => left.place! - right.place!)
        .map(({ name }) => name),
  }
}

/** A task with all three splits. */
async function addSplitTask(bench: Bench): Promise<string> {
  const folder = join(bench.folder, 'tasks')
  mkdirSync(folder, { recursive: true })
  const file = { id: 'reviews', instruction: 'is the review positive or negative', metric: 'exact_match', labels: ['negative', 'positive'] }
  writeFileSync(join(folder, 'reviews.task.json'), JSON.stringify(file))
  for (const [split, examples] of Object.entries(rows)) {
    writeFileSync(join(folder, `reviews.${split}.jsonl`), examples.map((row) => `${JSON.stringify(row)}\n`).join(''))
  }
  const { ids, problems } = await bench.library.tasks.add(join(folder, 'reviews.task.json'))
  if (ids.length === 0) throw new Error(JSON.stringify(problems))
  return ids[0]!
}
