/** A library with a tiny base model, tasks and adapters that fit, and a native core played by a script, for the tests of evaluations. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { evaluateInputSchema, type EvaluateRequestInput, type Run } from '../../../src-main/contract/run.ts'
import type { Job } from '../../../src-main/contract/job.ts'
import type { MergeRun } from '../../../src-main/engine/engine.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import type { EvaluateItem, EvaluateLine, EvaluateOutcome, EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import type { EvaluateJobInput } from '../../../src-main/jobs/evaluate-input.ts'
import type { EvaluateServices } from '../../../src-main/jobs/evaluate-services.ts'
import type { EvaluateResult } from '../../../src-main/jobs/evaluate.ts'
import { openTokenizer } from '../../../src-main/tasks/tokenizer.ts'
import { demoKit } from '../../helpers/demo.ts'
import { tinyShape } from '../../helpers/adapters.ts'
import { openBench, type Bench } from './bench.ts'

export const baseFolder = join(demoKit, 'base-model')
const tokenizer = openTokenizer(baseFolder)

/** How the script plays the core. */
export interface Script {
  /** Every request that came, in order. */
  readonly calls: EvaluateRequest[]
  /** Pairs after which it stops: by waiting for the wish to stop, by failing, or by never ending. */
  readonly stopAfter?: number
  readonly then?: 'wait' | 'fail' | 'hang'
  /** The problem of a pair instead of an answer. */
  readonly problemOf?: (subject: string, item: EvaluateItem) => string | undefined
  /** Hears that it stopped. */
  readonly onStop?: () => void
}

/** The core as a script: answers depend on the prompt and the name of the subject alone, two lines are written at a time. */
export function scriptedEngine(script: Script): EvaluateServices['engine'] {
  return {
    devices: () => ({ device: 'CPU', reason: '', processor: 'script', threads: 1, instructions: 'none', nativeBuild: 'script-1' }),
    accelerators: () => ({ names: [], reason: 'no GPU was found' }),
    merge(_job, outFile) {
      writeFileSync(outFile, 'merged factors')
      return Promise.resolve({ rank: 1, bytesRead: 0, bytesWritten: 14, seconds: 0, peakBytes: 0, modules: [] })
    },
    checkpoint: () => createEngine({ threads: 1 }).checkpoint(baseFolder),
    evaluate: (request, run) => play(request, script, run ?? {}),
  }
}

async function play(request: EvaluateRequest, script: Script, { onProgress, signal }: MergeRun): Promise<EvaluateOutcome> {
  script.calls.push(request)
  const stop = script.stopAfter ?? Infinity
  let tokens = 0
  for (let done = 0; done < request.work.length; done += 2) {
    const pairs = request.work.slice(done, Math.min(done + 2, stop))
    const lines = pairs.map((pair) => lineOf(pair, request, script))
    appendFileSync(request.outFile, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    tokens += pairs.length * 10
    onProgress?.({
      stage: 'evaluating',
      fraction: Math.min(stop, done + 2) / request.work.length,
      rate: 1,
      unit: 'examples',
      etaSeconds: 1,
    })
    if (done + 2 >= stop) await stopNow(request, script, signal)
    await new Promise((resume) => setImmediate(resume))
  }
  const estimate = { weights: 1, units: 2, cache: 3, activations: 4, total: 10, free: 100 }
  return { done: request.work.length, tokens, seconds: 2, loadSeconds: 1, weightBytes: 1, peakBytes: 9, estimate }
}

async function stopNow(request: EvaluateRequest, script: Script, signal?: AbortSignal): Promise<never> {
  appendFileSync(request.outFile, '{"subject":0,"item":0,"sec') // a line that is being written
  script.onStop?.()
  if (script.then === 'fail') throw new Refusal([errorProblem('memory-short', 'The evaluation needs 9 GB, 1 GB free; try a smaller one.')])
  if (script.then === 'wait' && signal && !signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  if (script.then === 'wait') throw new Refusal([errorProblem('cancelled', 'The work was cancelled.')])
  return new Promise(() => undefined)
}

function lineOf([subject, item]: readonly [number, number], request: EvaluateRequest, script: Script): EvaluateLine {
  const { name } = request.subjects[subject]!
  const { prompt, ask } = request.items[item]!
  const place = { subject, item }
  const problem = script.problemOf?.(name, request.items[item]!)
  if (problem !== undefined) return { ...place, problem, message: `A logit of ${name} is not finite.` }
  const mark = prompt.reduce((sum, token) => (sum * 31 + token) % 1009, name.length)
  if (ask.kind === 'choices')
    return { ...place, seconds: 0.1, logProbabilities: ask.choices.map((_, index) => -((mark * (index + 3)) % 7) - 0.5) }
  if (ask.kind === 'loss') return { ...place, seconds: 0.1, logProbability: -mark / 100, count: ask.answer.length }
  const text = mark % 3 === 0 ? 'negative' : 'positive'
  return { ...place, seconds: 0.1, tokens: tokenizer.encode(text), ended: true, logProbability: -mark / 100 }
}

/** Opens a bench over `folder` with that core. */
export function openEvaluateBench(script: Script, folder?: string, change: Partial<EvaluateServices> = {}): Bench {
  return openBench({}, folder, {}, { engine: scriptedEngine(script), ...change })
}

/** A base model of the sides of tiny adapters, with the demo's tokenizer; answers with its id. */
export function addTinyBase({ library }: Bench, name = 'tiny', maxPositions = 256): string {
  const { hidden, intermediate, keyValue } = tinyShape
  const sides = { hidden, intermediate, heads: 2, headDim: hidden / 2, kvHeads: keyValue / (hidden / 2), layers: 2 }
  const facts = { family: 'llama', dtype: 'F32', parameters: 1, weightBytes: 4, vocabulary: 1730, maxPositions, tied: false, memory: [] }
  const { id } = library.bases.add({
    ...{ path: baseFolder, name, stamp: 'a stamp', template: 'own', problems: [] },
    facts: { ...facts, ...sides, files: [], endTokens: [4], modules: [] },
  })
  return library.bases.settle(id, `content of ${name}`).id
}

/** Rows of a task: as many reviews as wanted, every second one positive. */
export function reviews(count: number): readonly { readonly input: string; readonly answer: string }[] {
  const words = ['meal', 'book', 'play', 'film', 'room', 'view']
  return Array.from({ length: count }, (_, index) => ({
    input: `the ${words[index % words.length]} is nice ${'again '.repeat(index % 7)}${index}`,
    answer: index % 2 === 0 ? 'positive' : 'negative',
  }))
}

/** Writes a task with its test split and adds it. */
export async function addTask(
  bench: Bench,
  id: string,
  rows: readonly { readonly input: string; readonly answer: string }[],
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const folder = join(bench.folder, 'tasks')
  mkdirSync(folder, { recursive: true })
  const file = { id, instruction: 'is the review positive or negative', metric: 'exact_match', labels: ['negative', 'positive'], ...fields }
  writeFileSync(join(folder, `${id}.task.json`), JSON.stringify(file))
  writeFileSync(join(folder, `${id}.test.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { ids, problems } = await bench.library.tasks.add(join(folder, `${id}.task.json`))
  if (ids.length === 0) throw new Error(JSON.stringify(problems))
  return ids[0]!
}

/** A checked input, as requests are. */
export function inputOf(input: EvaluateRequestInput, more: Partial<EvaluateJobInput> = {}): EvaluateJobInput {
  return { ...v.parse(evaluateInputSchema, input), ...more }
}

/** What runs evaluations: a bench, or the app's services. */
export type Evaluating = Pick<Bench, 'queue' | 'library'>

export interface Evaluated {
  readonly job: Job
  readonly result: EvaluateResult
  readonly runs: readonly Run[]
}

/** Starts an evaluation and waits for its end. */
export async function evaluate({ queue, library }: Evaluating, input: EvaluateJobInput): Promise<Evaluated> {
  const { jobId, problems } = queue.start('evaluate', input)
  if (jobId === null) throw new Refusal(problems)
  const job = await queue.whenEnded(jobId)
  const result = (await queue.get(jobId))!.result as EvaluateResult
  return { job, result, runs: result?.runs.map((id) => library.runs.get(id)!) ?? [] }
}

/** Everything that the library holds of a run but what names it, in the order of its examples. */
export function rawOutcomes({ library }: Pick<Evaluating, 'library'>, { id }: Run): unknown {
  const { value, low, high, n, done, skipped } = library.runs.get(id)!
  const { rows } = library.runs.outcomes({ runId: id, other: null, filter: 'all', text: '', offset: 0, limit: 1000 })
  return { value, low, high, n, done, skipped, rows }
}
