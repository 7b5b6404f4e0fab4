import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { errorProblem, isProblemCode, Refusal, type Problem } from '../contract/problems.ts'
import type { Generation, Subject } from '../contract/run.ts'
import { generatedLineSchema, readEvaluateLines, type EvaluateAdapter } from '../engine/evaluate-request.ts'
import { encodePrompt } from '../tasks/prompts.ts'
import { chooseDevice } from './evaluate-device.ts'
import { gatherSubjects } from './evaluate-open.ts'
import { findBase } from './evaluate-resolve.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import { resolveSubjects } from './evaluate-subjects.ts'

/** One prompt to be answered. */
export interface TryInput {
  readonly baseId: string
  readonly subject: Subject
  /** The system message; empty for none. */
  readonly system: string
  readonly user: string
  readonly maxNewTokens: number
}

/** What answering one prompt needs besides what evaluations do. */
export interface TryServices extends EvaluateServices {
  /** Title of a job that computes now, here or in another process; null when none does. */
  readonly computing: () => string | null
  /** For files that live as long as one answer. */
  readonly cacheFolder: string
}

/** Longest time for one answer, in milliseconds. */
const patienceMs = 300_000

/** Answers single prompts, one after the other. */
export interface Prompter {
  /** Refused while a job computes, and after five minutes. */
  answer(input: TryInput, signal?: AbortSignal): Promise<{ readonly generation: Generation | null; readonly problems: readonly Problem[] }>
  /** Stops what runs. */
  close(): void
}

/** A prompter; two prompts at a time would load the base model twice. */
export function createPrompter(services: TryServices): Prompter {
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()

  return {
    answer(input, signal) {
      const next = last.then(() => {
        const signals = [closing.signal, AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]
        return answerOrRefuse(input, services, AbortSignal.any(signals))
      })
      // The one after it starts whatever became of this one.
      last = next.catch(() => undefined)
      return next
    },
    close: () => closing.abort(),
  }
}

async function answerOrRefuse(input: TryInput, services: TryServices, signal: AbortSignal): ReturnType<Prompter['answer']> {
  const job = services.computing()
  if (job !== null) return { generation: null, problems: [busy(job)] }
  try {
    const generation = await answerPrompt(input, services, signal)
    return { generation, problems: generation.problems }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { generation: null, problems: error.problems }
  }
}

async function answerPrompt(input: TryInput, services: TryServices, signal: AbortSignal): Promise<Generation> {
  const { engine, prompts, settings } = services
  const { base, problem } = findBase(input.baseId, services)
  if (!base) throw new Refusal(problem ? [problem] : [])
  const { device, problems: deviceProblems } = chooseDevice(settings().device, engine)
  const { ready, left, problems } = resolveSubjects([input.subject], base, services)
  const [subject] = ready
  if (!device || !subject) throw new Refusal([...deviceProblems, ...left.map((one) => one.problem)])
  const tokenizer = prompts.tokenizer(base)
  const system = input.system.trim() === '' ? [] : [{ role: 'system' as const, content: input.system }]
  const { text, prompt } = encodePrompt(tokenizer, [...system, { role: 'user', content: input.user }])
  if (prompt.length >= base.maxPositions) throw new Refusal([tooLong(prompt.length, base)])
  const folder = join(services.cacheFolder, `try-${randomUUID()}`)
  const began = performance.now()
  try {
    await mkdir(folder, { recursive: true })
    const { merges, ...who } = gatherSubjects([subject], folder)
    for (const { job, outFile } of merges) await engine.merge(job, outFile, { signal })
    const outFile = join(folder, 'answer.jsonl')
    const ask = { kind: 'generate', maxNewTokens: input.maxNewTokens, stop: tokenizer.endTokens } as const
    const place = { model: base.path, device: device.id, memoryBytes: Math.round(settings().memoryGigabytes * 1e9), batchTokens: 0 }
    await engine.evaluate({ ...who, ...place, items: [{ prompt, ask }], work: [[0, 0]], outFile }, { signal })
    const line = generatedIn(await readFile(outFile, 'utf8'), who.adapters)
    return {
      text: tokenizer.decode(line.tokens),
      prompt: text,
      promptTokens: prompt.length,
      newTokens: line.tokens.length,
      ended: line.ended,
      seconds: (performance.now() - began) / 1000,
      problems: [...problems],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The one line of a generation. Throws a Refusal when the pair failed. */
function generatedIn(text: string, adapters: readonly EvaluateAdapter[]): v.InferOutput<typeof generatedLineSchema> {
  const [line] = readEvaluateLines(text)
  if (!line || !('problem' in line)) return v.parse(generatedLineSchema, line)
  const code = isProblemCode(line.problem) ? line.problem : 'internal'
  throw new Refusal([errorProblem(code, line.message, { where: { value: adapters.map(({ name }) => name).join(', ') } })])
}

function busy(title: string): Problem {
  return errorProblem('engine-busy', `"${title}" is running, and the base model would have to be loaded beside it.`, {
    where: { value: title },
    hint: 'Wait until the job has ended, or cancel it; it goes on later where it was.',
  })
}

function tooLong(tokens: number, { name, maxPositions }: { readonly name: string; readonly maxPositions: number }): Problem {
  return errorProblem('prompt-too-long', `The prompt has ${tokens} tokens; ${name} takes fewer than ${maxPositions}.`, {
    where: { field: 'user', value: String(tokens) },
    hint: 'Nothing is cut: shorten it yourself.',
  })
}
