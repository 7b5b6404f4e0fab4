import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { Example } from '../contract/task.ts'
import type { EvaluateAsk } from '../engine/evaluate-request.ts'
import { encodeExample, isTooLong, type EncodedExample } from '../tasks/prompts.ts'
import { checkVocabulary, type PromptTokenizer } from '../tasks/tokenizer.ts'
import type { ReadyTask } from './evaluate-tasks.ts'

/** One example as it is asked. */
export interface AskedExample {
  readonly example: Example
  readonly promptText: string
  readonly prompt: readonly number[]
  /** null where the example cannot be asked; the problem says why. */
  readonly ask: EvaluateAsk | null
  readonly problem: Problem | null
  /** Tokens of each label, in the order of the task's. */
  readonly choices: EncodedExample['choices']
  /** Tokens that an answer of the expected length takes. */
  readonly answerTokens: number
}

/** A task's examples as tokens. */
export interface EncodedTask {
  readonly asked: readonly AskedExample[]
  /** Examples left out because their prompt is too long. */
  readonly skipped: number
}

/** What the length of prompts is held against. */
export interface PromptRoom {
  readonly maxPositions: number
  readonly maxPromptTokens: number | null
}

/** Encodes the examples of tasks for base models, each once; what was encoded last is remembered. */
export interface PromptCache {
  /** The tokenizer of a base model. Throws Refusal: the tokenizer's own, and vocabulary-mismatch. */
  tokenizer(base: BaseModel): PromptTokenizer
  /** Yields to other work now and then. Throws Refusal: template-failed, cancelled. */
  encode(base: BaseModel, task: ReadyTask, maxPromptTokens: number | null, signal?: AbortSignal): Promise<EncodedTask>
}

/** Time in which prompts are encoded without a break, in milliseconds. */
const sliceMs = 20
/** Tokens of remembered prompts; some 30 MB. */
const mostRemembered = 4_000_000

/** A cache over tokenizers that `open` opens. */
export function createPromptCache(open: (folder: string) => PromptTokenizer): PromptCache {
  let opened: { readonly key: string; readonly tokenizer: PromptTokenizer } | undefined
  const remembered = new Map<string, { readonly encoded: EncodedTask; readonly tokens: number }>()

  function tokenizerOf(base: BaseModel): PromptTokenizer {
    const key = `${base.contentHash} ${base.path}`
    if (opened?.key === key) return opened.tokenizer
    const tokenizer = open(base.path)
    const mismatch = checkVocabulary(tokenizer, base.vocabulary)
    if (mismatch) throw new Refusal([mismatch])
    opened = { key, tokenizer }
    return tokenizer
  }

  function remember(key: string, encoded: EncodedTask): void {
    const tokens = encoded.asked.reduce((sum, { prompt, answerTokens }) => sum + prompt.length + answerTokens, 0)
    remembered.delete(key)
    remembered.set(key, { encoded, tokens })
    let total = [...remembered.values()].reduce((sum, entry) => sum + entry.tokens, 0)
    for (const [oldest, entry] of remembered) {
      if (total <= mostRemembered) return
      remembered.delete(oldest)
      total -= entry.tokens
    }
  }

  return {
    tokenizer: tokenizerOf,
    async encode(base, task, maxPromptTokens, signal) {
      const room: PromptRoom = { maxPositions: base.maxPositions, maxPromptTokens }
      const { hash } = task.task
      const ids = task.examples.map(({ id }) => id)
      const key = JSON.stringify([base.contentHash, hash, task.metric.asks, task.maxNewTokens, room, ids])
      const known = remembered.get(key)
      const encoded = known?.encoded ?? (await encodeTask(tokenizerOf(base), task, room, signal))
      remember(key, encoded)
      return encoded
    },
  }
}

async function encodeTask(tokenizer: PromptTokenizer, task: ReadyTask, room: PromptRoom, signal?: AbortSignal): Promise<EncodedTask> {
  const asked: AskedExample[] = []
  let skipped = 0
  let began = performance.now()
  for (const example of task.examples) {
    if (performance.now() - began > sliceMs) {
      await new Promise((resume) => setImmediate(resume))
      if (signal?.aborted) throw new Refusal([errorProblem('cancelled', 'The work was cancelled.')])
      began = performance.now()
    }
    const encoded = encodeExample(tokenizer, task.file, example, task.metric.asks === 'choices')
    const newTokens = task.metric.asks === 'generate' ? task.maxNewTokens : 0
    if (isTooLong(encoded, { ...room, newTokens })) skipped += 1
    else asked.push(askedExample(tokenizer, task, example, encoded))
  }
  return { asked, skipped }
}

function askedExample(tokenizer: PromptTokenizer, task: ReadyTask, example: Example, encoded: EncodedExample): AskedExample {
  const { promptText, prompt, choices } = encoded
  const problem = encoded.problem ?? (prompt.length === 0 ? promptEmpty(example) : null)
  const ask = problem ? null : askOf(tokenizer, task, encoded)
  return { example, promptText, prompt, ask, problem, choices, answerTokens: answerTokens(encoded) }
}

function askOf(tokenizer: PromptTokenizer, { metric, maxNewTokens }: ReadyTask, { choices, answer }: EncodedExample): EvaluateAsk {
  switch (metric.asks) {
    case 'generate':
      return { kind: 'generate', maxNewTokens, stop: tokenizer.endTokens }
    case 'choices':
      return { kind: 'choices', choices: (choices ?? []).map(({ tokens }) => tokens) }
    case 'loss':
      return { kind: 'loss', answer }
  }
}

function answerTokens({ choices, answer }: EncodedExample): number {
  return choices === null ? answer.length : choices.reduce((sum, { tokens }) => sum + tokens.length, 0)
}

function promptEmpty(example: Example): Problem {
  return errorProblem('prompt-empty', `The prompt of the example ${example.id} has no tokens.`, { where: { value: example.id } })
}
