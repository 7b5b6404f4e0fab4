import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as v from 'valibot'
import { metricIds } from '../contract/metrics.ts'
import { Refusal } from '../contract/problems.ts'
import { evaluatedSplits, outcomeSchema, runSubjectSchema, type Run } from '../contract/run.ts'
import { budgets } from '../contract/task.ts'
import type { RunStore } from '../library/run-types.ts'
import { readAs, writeShared } from './shared-folder.ts'

/** A finished run as jobs share it. Its key says all that its outcomes depend on, device and build included: a job takes only what it would compute itself. */
const sharedRunSchema = v.object({
  version: v.literal(1),
  run: v.object({
    key: v.string(),
    taskHash: v.string(),
    split: v.picklist(evaluatedSplits),
    budget: v.nullable(v.picklist(budgets)),
    metric: v.picklist(metricIds),
    subject: runSubjectSchema,
    exampleIds: v.array(v.string()),
    skipped: v.number(),
    provenance: v.record(v.string(), v.string()),
  }),
  outcomes: v.array(v.object({ ...outcomeSchema.entries, position: v.number(), weight: v.number() })),
})

type Runs = Pick<RunStore, 'begin' | 'addOutcomes' | 'finish' | 'byKey' | 'list' | 'whole'>

/** Splits whose outcomes are shared: what choosing and checking look at. What the test examples got belongs to the results. */
const sharedSplits: readonly Run['split'][] = ['train', 'validation', 'train+validation']

/** Takes into a library what other jobs found on this task; answers with the number of runs that are new to it. */
export async function takeScores(
  folder: string,
  place: { readonly baseId: string; readonly taskId: string; readonly taskHash: string },
  runs: Runs,
): Promise<number> {
  let taken = 0
  for (const name of await namesIn(folder)) {
    const shared = await soundRun(join(folder, name))
    if (!shared || shared.run.taskHash !== place.taskHash || runs.byKey(shared.run.key)?.finishedAt) continue
    const { id } = runs.begin({ ...shared.run, baseId: place.baseId, taskId: place.taskId })
    runs.addOutcomes(id, shared.outcomes)
    await runs.finish(id)
    taken += 1
  }
  return taken
}

/** Puts down what this job found on labelled examples, for others; answers with the number of runs that were not there. */
export async function giveScores(folder: string, runs: Runs): Promise<number> {
  const there = new Set(await namesIn(folder))
  let given = 0
  for (const { id, split, finishedAt } of runs.list()) {
    if (finishedAt === null || !sharedSplits.includes(split)) continue
    const whole = runs.whole(id)
    if (!whole || there.has(`${whole.run.key}.json`)) continue
    const { baseId: _base, taskId: _task, ...run } = whole.run
    // An id of this library says nothing elsewhere.
    const subject = { ...run.subject, adapterId: null }
    await writeShared(join(folder, `${run.key}.json`), { version: 1, run: { ...run, subject }, outcomes: whole.outcomes })
    given += 1
  }
  return given
}

/** Null for a file that says something else than its name, or nothing: it is computed again, and nothing depends on it. */
async function soundRun(file: string): Promise<v.InferOutput<typeof sharedRunSchema> | null> {
  try {
    const shared = await readAs(file, sharedRunSchema)
    return shared?.run.key === basename(file, '.json') ? shared : null
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return null
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
