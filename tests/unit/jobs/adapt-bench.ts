/** A library with a tiny base model, a task and adapters that fit, and a native core whose learning is played by a script, for the tests of Adapt. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { adaptInputSchema, type AdaptationDetail, type AdaptInput, type AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import type { Job } from '../../../src-main/contract/job.ts'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { createEngine, type Engine, type MergeRun } from '../../../src-main/engine/engine.ts'
import type { EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import type { LearnOutcome, LearnRequest } from '../../../src-main/engine/learn-request.ts'
import type { AdaptResult } from '../../../src-main/jobs/adapt-result.ts'
import type { AdaptServices } from '../../../src-main/jobs/adapt-types.ts'
import { startAdaptations } from '../../../src-main/jobs/adapt-start.ts'
import { learnedName } from '../../../src-main/jobs/tune-adapters.ts'
import { fill, gaussian } from '../../helpers/adapters.ts'
import { readSafetensors, writeSafetensors } from '../../helpers/safetensors.ts'
import { openBench, type Bench } from './bench.ts'
import { addTinyBase, reviews, scriptedEngine } from './evaluate-bench.ts'

/** How the script plays learning. */
export interface LearnScript {
  /** Every request that came, in order, with the step that it began at. */
  readonly learned: { readonly request: LearnRequest; readonly from: number }[]
  readonly evaluated: EvaluateRequest[]
  /** After this step: waits for the wish to stop, says that it ran away or met something not finite, or never ends. */
  readonly stopAfter?: number
  readonly then?: 'wait' | 'diverge' | 'not-finite' | 'hang'
  /** Hears that it stopped. */
  readonly onStop?: () => void
  /** The coefficient of every module (or unit) of an adapter. */
  readonly coefficient?: (adapter: number, module: number) => number
  /** The step with the least validation loss. */
  readonly best?: number
}

/** The core: merges and inspections are real, learning, evaluations and random numbers a script. */
export function learningEngine(script: LearnScript): Engine {
  const real = createEngine({ threads: 1 })
  const played = scriptedEngine({ calls: script.evaluated })
  return {
    ...real,
    devices: () => played.devices(),
    accelerators: () => played.accelerators(),
    evaluate: (request, run) => played.evaluate(request, run),
    learn: (request, run) => playLearning(request, script, run ?? {}),
    sparseMask({ weightsFile, modules, sparsity, outFile }) {
      const factors = readSafetensors(weightsFile)
      const masks = modules.map(({ b }) => {
        const { shape, data } = factors.get(b)!
        const kept = data.map((_, index) => (index % 10 >= sparsity * 10 ? 1 : 0))
        return [b, { dtype: 'U8' as const, shape, data: kept }] as const
      })
      writeSafetensors(outFile, new Map(masks))
      return Promise.resolve({ kept: 1, total: 10, threshold: null, modules: [] })
    },
    matchedRandom({ adapters, seed }) {
      adapters.forEach(({ modules, outFile }, index) => writeFactors(outFile, modules, seed + index, ''))
      return Promise.resolve({ modules: [] })
    },
  }
}

interface Checkpoint {
  readonly request: string
  readonly step: number
}

/** Losses fall until the best step and rise afterwards; the journal and the checkpoint are as the core keeps them. */
async function playLearning(request: LearnRequest, script: LearnScript, { onProgress, signal }: MergeRun): Promise<LearnOutcome> {
  const file = join(request.checkpointFolder, 'checkpoint.json')
  const { memoryBytes: _memory, ...fixed } = request
  const text = JSON.stringify(fixed)
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Checkpoint) : null
  if (known && known.request !== text) throw new Refusal([errorProblem('checkpoint-invalid', 'The checkpoint is of another request.')])
  const from = known?.step ?? 0
  script.learned.push({ request, from })
  const best = Math.min(script.best ?? request.steps, request.steps)
  const loss = (step: number): number => 1 + Math.abs(step - best) / 100
  const tell = (line: object): void => appendFileSync(request.journalFile, `${JSON.stringify({ ...line, seconds: 1, tokens: 10 })}\n`)
  const keep = (step: number): void => {
    mkdirSync(request.checkpointFolder, { recursive: true })
    writeFileSync(file, JSON.stringify({ request: text, step } satisfies Checkpoint))
  }
  cutJournal(request.journalFile, from)
  if (from === 0) tell({ step: 0, validationLoss: loss(0) })
  let stopped: LearnOutcome['stopped'] = 'done'
  let step = from
  while (step < request.steps && stopped === 'done') {
    step += 1
    tell({ step, trainLoss: loss(step - 1), rate: 0.1, gradientNorm: 1 })
    if (step % request.validateEvery === 0 || step === request.steps) tell({ step, validationLoss: loss(step) })
    if (request.checkpointEvery > 0 && step % request.checkpointEvery === 0) keep(step)
    onProgress?.({ stage: 'learning', fraction: step / request.steps, rate: 1, unit: 'steps', etaSeconds: 1 })
    await new Promise((resume) => setImmediate(resume))
    if (existsSync(request.stopFile)) stopped = 'asked'
    if (step !== script.stopAfter) continue
    script.onStop?.()
    if (script.then === 'diverge') stopped = 'diverged'
    if (script.then === 'not-finite') stopped = 'not-finite'
    if (script.then === 'hang') await new Promise(() => undefined)
    if (script.then !== 'wait') continue
    while (signal?.aborted !== true && !existsSync(request.stopFile)) await new Promise((resume) => setTimeout(resume, 5))
    if (existsSync(request.stopFile)) stopped = 'asked'
    else {
      keep(step)
      throw new Refusal([errorProblem('cancelled', 'The work was cancelled.')])
    }
  }
  keep(step)
  return outcomeOf(request, script, { stopped, step, chosen: Math.min(best, step), loss })
}

function outcomeOf(
  request: LearnRequest,
  { coefficient = () => 0.5 }: LearnScript,
  { stopped, step, chosen, loss }: { stopped: LearnOutcome['stopped']; step: number; chosen: number; loss: (step: number) => number },
): LearnOutcome {
  const isUnit = request.coefficients?.granularity === 'unit'
  const coefficients = request.adapters.map(({ modules }, adapter) =>
    modules.map(({ rank }, module) => {
      const value = request.coefficients === null ? 1 : coefficient(adapter, module)
      return isUnit ? Array.from({ length: rank }, () => value) : value
    }),
  )
  const written = request.adapters.flatMap((adapter, index) => (isUnit || adapter.train !== 'none' ? [{ adapter, index }] : []))
  if (written.length > 0) {
    const all = new Map(
      written.flatMap(({ adapter, index }) => {
        const prefix = learnedName('', index, request.adapters.length)
        return [...factorsOf(adapter.modules, index + 1, prefix, adapter.maskFile)]
      }),
    )
    writeSafetensors(request.outFile, all)
  }
  return {
    ...{ chosenStep: chosen, lastStep: step, stopped, startLoss: loss(0), chosenLoss: loss(chosen), lastLoss: loss(step) },
    where: stopped === 'not-finite' ? 'model.layers.0.mlp.up_proj' : null,
    value: stopped === 'diverged' ? 31.25 : null,
    ...{ coefficients, raw: coefficients, parameters: 28, tokens: 10 * step, seconds: 2, loadSeconds: 1, weightBytes: 1, peakBytes: 9 },
    estimate: { weights: 1, units: 2, activations: 3, optimiser: 4, total: 10, free: 100 },
    recompute: false,
  }
}

function factorsOf(modules: LearnRequest['adapters'][number]['modules'], seed: number, prefix: string, maskFile: string | null) {
  const random = gaussian(seed)
  const masks = maskFile === null ? null : readSafetensors(maskFile)
  return modules.flatMap(({ a, b, rank, in: width, out }) => {
    const mask = masks?.get(b)?.data
    const values = fill(out * rank, () => random() / 2).map((value, index) => (mask && mask[index] === 0 ? 0 : value))
    return [
      [`${prefix}${a}`, { dtype: 'F32' as const, shape: [rank, width], data: fill(rank * width, () => random() / Math.sqrt(width)) }],
      [`${prefix}${b}`, { dtype: 'F32' as const, shape: [out, rank], data: values }],
    ] as const
  })
}

function writeFactors(file: string, modules: LearnRequest['adapters'][number]['modules'], seed: number, prefix: string): void {
  writeSafetensors(file, new Map(factorsOf(modules, seed, prefix, null)))
}

function cutJournal(file: string, step: number): void {
  if (!existsSync(file)) return
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const kept = step === 0 ? [] : lines.filter((line) => (JSON.parse(line) as { step: number }).step <= step)
  rmSync(file)
  if (kept.length > 0) writeFileSync(file, `${kept.join('\n')}\n`)
}

/** Opens a bench over `folder` with that core. */
export function openAdaptBench(script: LearnScript, folder?: string, change: Partial<AdaptServices> = {}): Bench {
  const engine = learningEngine(script)
  return openBench({}, folder, {}, { engine }, { engine, ...change })
}

/** A base model, a task with training and validation examples, and three adapters that fit. */
export async function fillBench(bench: Bench, train = 12, validation = 4): Promise<{ readonly baseId: string; readonly ids: string[] }> {
  const baseId = addTinyBase(bench)
  await addLearnTask(bench, 'reviews', train, validation)
  const ids: string[] = []
  for (const [index, name] of ['one', 'two', 'three'].entries()) ids.push((await bench.add(name, { seed: index + 1, r: 4 })).id!)
  await bench.library.bases.readShapes()
  return { baseId, ids }
}

/** Writes a task with all three splits and adds it. */
export async function addLearnTask(bench: Bench, id: string, train: number, validation: number): Promise<void> {
  const folder = join(bench.folder, 'tasks')
  mkdirSync(folder, { recursive: true })
  const file = { id, instruction: 'is the review positive or negative', metric: 'exact_match', labels: ['negative', 'positive'] }
  writeFileSync(join(folder, `${id}.task.json`), JSON.stringify(file))
  const rows = reviews(train + validation + 5).map((row) => `${JSON.stringify(row)}\n`)
  writeFileSync(join(folder, `${id}.train.jsonl`), rows.slice(0, train).join(''))
  if (validation > 0) writeFileSync(join(folder, `${id}.validation.jsonl`), rows.slice(train, train + validation).join(''))
  writeFileSync(join(folder, `${id}.test.jsonl`), rows.slice(train + validation).join(''))
  const { ids, problems } = await bench.library.tasks.add(join(folder, `${id}.task.json`))
  if (ids.length === 0) throw new Error(JSON.stringify(problems))
}

/** A checked input, as requests are. */
export function adaptInput(input: AdaptRequestInput): AdaptInput {
  return v.parse(adaptInputSchema, input)
}

export interface Adapted {
  readonly job: Job
  readonly result: AdaptResult
  readonly detail: AdaptationDetail
}

/** Starts a job of Adapt; its id. Throws a Refusal when it is not started. */
export function startAdapt({ adapt, queue }: Pick<Bench, 'adapt' | 'queue'>, input: AdaptInput): string {
  const { jobIds, problems } = startAdaptations({ input, seeds: [], sweep: {} }, adapt, queue)
  if (jobIds.length === 0) throw new Refusal(problems)
  return jobIds[0]!
}

/** Starts a job of Adapt and waits for its end. */
export async function adapt(bench: Pick<Bench, 'adapt' | 'queue' | 'library'>, input: AdaptInput): Promise<Adapted> {
  return ended(bench, startAdapt(bench, input))
}

/** Waits for the end of a job of Adapt. */
export async function ended({ queue, library }: Pick<Bench, 'queue' | 'library'>, jobId: string): Promise<Adapted> {
  const job = await queue.whenEnded(jobId)
  return { job, result: (await queue.get(jobId))!.result as AdaptResult, detail: library.adaptations.get(jobId)! }
}
