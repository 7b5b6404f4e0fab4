import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { hasError, Refusal } from '../contract/problems.ts'
import type { EvaluateOutcome } from '../engine/evaluate-request.ts'
import type { StoredJob } from '../library/job-store.ts'
import { writeFileWhole } from '../platform/write-file.ts'
import type { EvaluateJobInput } from './evaluate-input.ts'
import { readAbandonedJournal, readJournal } from './evaluate-journal.ts'
import { cutIntoPieces, encodeOpen, findOpenRuns, gatherWork, type OpenWork } from './evaluate-open.ts'
import { createEvaluateMeter, type EvaluateMeter } from './evaluate-progress.ts'
import { describeEvaluation, inputOfJob, resolvedJob, titleOf } from './evaluate-recipe.ts'
import { remarksOn, type FailureCounts } from './evaluate-remarks.ts'
import { resolveEvaluation, type Evaluation } from './evaluate-resolve.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import { createTakeover, type Takeover } from './evaluate-takeover.ts'
import { workSchema, type Work } from './evaluate-work.ts'
import { stopIfAsked } from './import-output.ts'
import type { RunContext, Runner, RunOutcome } from './runner.ts'

/** What an evaluation did. */
export interface EvaluateResult {
  /** Ids of all its runs, those that were known before included: subjects in order, each on every task. */
  readonly runs: readonly string[]
  /** Runs that were taken from the library as they are. */
  readonly known: number
  /** Examples that were computed by this job. */
  readonly examples: number
  /** Examples left out because their prompt is too long, over the tasks that were looked at. */
  readonly skipped: number
  /** What the core reports; null where nothing had to be computed. */
  readonly computed: EvaluateOutcome | null
}

/** Evaluations as jobs of their own, and as a part of another job, which gives its id. */
export interface EvaluateRunner extends Runner<EvaluateJobInput> {
  evaluate(
    jobId: string,
    input: EvaluateJobInput,
    context: RunContext,
  ): Promise<{ readonly result: EvaluateResult; readonly problems: RunOutcome['problems'] }>
}

/** One request's worth of an evaluation, and who hears of it. */
interface Piece {
  readonly evaluation: Evaluation
  /** The job's own folder. */
  readonly folder: string
  readonly meter: EvaluateMeter
  readonly failures: FailureCounts
  readonly context: RunContext
}

const journalName = 'journal.jsonl'
const workName = 'work.json'
/** Examples of one request to the core; each loads the base model anew, which is nothing beside so many answers. */
const mostExamples = 200_000
/** Least time between two looks into the journal, in milliseconds. */
const lookIntervalMs = 400

/**
 * Evaluates subjects on tasks. Runs that the library has are not computed again; of the others the open examples go to the core in one request. The
 * core writes its journal in the job's own folder, and what it holds is brought into the library while the job runs and at its end, whatever the end:
 * a job that is started again goes on behind it. Where the process dies, the next one does so before the job is called interrupted.
 */
export function createEvaluateRunner(services: EvaluateServices): EvaluateRunner {
  const { engine, runs, prompts, settings, workFolder } = services
  const folderOf = ({ id }: Pick<StoredJob, 'id'>): string => join(workFolder, id)

  async function evaluateFor(
    id: string,
    input: EvaluateJobInput,
    context: RunContext,
  ): Promise<{ readonly result: EvaluateResult; readonly problems: RunOutcome['problems'] }> {
    reportStage(context, 'preparing')
    await takeOverOthers(id)
    await services.lookAtBases()
    const { evaluation, problems } = resolveEvaluation(input, services)
    if (!evaluation) throw new Refusal(problems)
    context.keep({ ...resolvedJob(evaluation, input), provenance: { computedOn: evaluation.device.name } })
    const open = findOpenRuns(evaluation, runs)
    const all = evaluation.subjects.length * evaluation.tasks.length
    context.note(`${all} runs, ${all - open.length} of them known; ${evaluation.device.name}`)
    const encoded = await encodeOpen(evaluation, open, services, context.signal)
    const { pieces, examples } = cutIntoPieces(open, encoded, services.mostExamples ?? mostExamples)
    const meter = createEvaluateMeter(examples)
    const failures: FailureCounts = new Map()
    const provenance = provenanceOf(evaluation, services.appVersion, id)
    let computed: EvaluateOutcome | null = null
    for (const piece of pieces) {
      stopIfAsked(context)
      const folder = folderOf({ id })
      const gathered = gatherWork(evaluation, piece, encoded, provenance, folder)
      computed = joined(computed, await compute(gathered, { evaluation, folder, meter, failures, context }))
    }
    const result: EvaluateResult = {
      runs: evaluation.keys.flat().flatMap((key) => runs.byKey(key)?.id ?? []),
      known: all - open.length,
      examples,
      skipped: encoded.reduce((sum, task) => sum + (task?.skipped ?? 0), 0),
      computed,
    }
    return { result, problems: [...problems, ...remarksOn(evaluation, encoded, failures)] }
  }

  /** Of all evaluations of a library one runs: whatever other folders there are were left behind. */
  async function takeOverOthers(ownId: string): Promise<void> {
    for (const name of await foldersIn(workFolder)) {
      if (name === ownId) continue
      await takeOverAbandoned(join(workFolder, name), services)
      await rm(join(workFolder, name), { recursive: true, force: true })
    }
  }

  /** Brings everything that is open in one piece into the library; answers with what the core reports, null when there was nothing for it. */
  async function compute({ work, request, merges, settled }: OpenWork, piece: Piece): Promise<EvaluateOutcome | null> {
    const { evaluation, folder, context } = piece
    const takeover = createTakeover(work, services, (tokens) => prompts.tokenizer(evaluation.base).decode(tokens), piece.failures)
    for (const { subject, task, outcomes } of settled) takeover.put(subject, task, outcomes)
    if (request.work.length === 0) {
      await takeover.finish()
      return null
    }
    await mkdir(folder, { recursive: true })
    let isTaken = true
    try {
      await writeFileWhole(join(folder, workName), JSON.stringify(work))
      await mergeFirst(merges, context)
      isTaken = false
      return await evaluate({ work, request }, takeover, piece, () => (isTaken = true))
    } finally {
      await takeover.finish()
      // A journal that the library could not take stays for the next evaluation.
      if (isTaken) await rm(folder, { recursive: true, force: true })
    }
  }

  async function mergeFirst(merges: OpenWork['merges'], context: RunContext): Promise<void> {
    for (const { job, outFile, label } of merges) {
      stopIfAsked(context)
      context.note(`${label} is merged first: its method does more than weighting and joining rank units`)
      const onProgress: RunContext['report'] = (progress) => context.report({ ...progress, stage: `merging ${label}` })
      await engine.merge(job, outFile, { onProgress, signal: context.signal })
    }
  }

  async function evaluate(
    { work, request }: Pick<OpenWork, 'work' | 'request'>,
    takeover: Takeover,
    { evaluation: { base, device }, folder, meter, context }: Piece,
    onTaken: () => void,
  ): Promise<EvaluateOutcome> {
    const outFile = join(folder, journalName)
    const journal = readJournal(outFile)
    meter.begin(work, request.work.length)
    let looked = 0
    const look = (): void => {
      const lines = journal.next()
      meter.count(lines)
      takeover.take(lines)
      looked = performance.now()
    }
    const memoryBytes = Math.round(settings().memoryGigabytes * 1e9)
    try {
      const computed = await engine.evaluate(
        { ...request, model: base.path, device: device.id, memoryBytes, batchTokens: 0, outFile },
        {
          signal: context.signal,
          onProgress(told) {
            if (told.stage === 'evaluating' && performance.now() - looked > lookIntervalMs) look()
            context.report(meter.progress(told))
          },
        },
      )
      const seconds = computed.seconds - computed.loadSeconds
      if (computed.tokens > 0 && seconds > 0) runs.noteRate(device.name, base.id, computed.tokens, seconds)
      context.note(
        `memory planned: ${computed.estimate.total} bytes of ${computed.estimate.free} free; at most ${computed.peakBytes} were used`,
      )
      return computed
    } finally {
      look()
      onTaken()
      context.note(`${meter.examples} examples were answered`)
    }
  }

  return {
    prepare(input) {
      const { evaluation, problems } = resolveEvaluation(input, services)
      if (!evaluation || hasError(problems)) return { problems }
      const { resolved, fingerprint } = resolvedJob(evaluation, input)
      const title = titleOf(evaluation, input.purpose)
      return { job: { title, recipe: describeEvaluation(evaluation), resolved, fingerprint, provenance: {}, problems: [...problems] } }
    },
    run: async (stored, context) => ({ adapterId: null, ...(await evaluateFor(stored.id, inputOfJob(stored), context)) }),
    evaluate: evaluateFor,
    inputOf: inputOfJob,
    async cleanUp(stored) {
      const folder = folderOf(stored)
      await takeOverAbandoned(folder, services)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Brings what a job's journal holds into the library, whose process ended without doing so. What cannot be understood any more is computed again. */
async function takeOverAbandoned(folder: string, services: EvaluateServices): Promise<void> {
  const work = await readWork(join(folder, workName))
  const base = work && services.bases.get(work.baseId)
  // Another base model at its place would read the tokens otherwise.
  if (!work || !base || base.contentHash !== work.baseHash) return
  try {
    const takeover = createTakeover(work, services, (tokens) => services.prompts.tokenizer(base).decode(tokens), new Map())
    takeover.take(readAbandonedJournal(join(folder, journalName)))
    await takeover.finish()
  } catch (error) {
    // A tokenizer or a base model that is gone: the next job says so.
    if (!(error instanceof Refusal)) throw error
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function readWork(file: string): Promise<Work | null> {
  try {
    return v.parse(workSchema, JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError || v.isValiError(error)) return null
    throw error
  }
}

/** Two pieces' reports as one. */
function joined(left: EvaluateOutcome | null, right: EvaluateOutcome | null): EvaluateOutcome | null {
  if (!left || !right) return left ?? right
  return {
    ...right,
    done: left.done + right.done,
    tokens: left.tokens + right.tokens,
    seconds: left.seconds + right.seconds,
    loadSeconds: left.loadSeconds + right.loadSeconds,
    peakBytes: Math.max(left.peakBytes, right.peakBytes),
  }
}

function provenanceOf(
  { base, device, nativeBuild, maxPromptTokens }: Evaluation,
  appVersion: string,
  jobId: string,
): Record<string, string> {
  return {
    ...{ appVersion, nativeBuild, device: device.name, base: base.contentHash, template: base.template, job: jobId },
    maxPromptTokens: maxPromptTokens === null ? 'what the base model allows' : String(maxPromptTokens),
  }
}

function reportStage(context: RunContext, stage: string): void {
  context.report({ stage, fraction: 0, rate: 0, unit: '', etaSeconds: null })
}
