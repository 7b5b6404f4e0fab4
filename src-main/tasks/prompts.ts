import { metricOf } from '../contract/metrics.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { Example, RenderedPrompt, TaskFile } from '../contract/task.ts'
import type { ChatMessage, PromptTokenizer } from './tokenizer.ts'

/** The parts of a task that make its prompts. */
export type PromptTask = Pick<TaskFile, 'instruction' | 'inputs' | 'labels' | 'metric'>

/** One example as a base model gets it. */
export interface EncodedExample {
  readonly promptText: string
  readonly prompt: readonly number[]
  /** Tokens of the expected answer and of what ends it. */
  readonly answer: readonly number[]
  /** Every label with its tokens and what ends them; null where the task's metric does not choose among labels. */
  readonly choices: readonly { readonly label: string; readonly tokens: readonly number[] }[] | null
  /** Why the example cannot be used: its answer, or a label, has no tokens. */
  readonly problem: Problem | null
}

/** How much room a prompt has, in tokens. */
export interface PromptLimits {
  /** Longest sequence of the base model. */
  readonly maxPositions?: number
  /** Tokens that may be generated after it; what the expected answer needs when smaller than that. */
  readonly newTokens?: number
  /** Prompts of so many tokens or more are left out; null for what the base model allows. */
  readonly maxPromptTokens?: number | null
}

/** The conversation that ends with the question: the instruction as system message, the inputs as the user's. */
export function messagesOf(task: Pick<TaskFile, 'instruction' | 'inputs'>, example: Pick<Example, 'inputs'>): readonly ChatMessage[] {
  const user: ChatMessage = { role: 'user', content: userText(task.inputs, example.inputs) }
  return task.instruction === '' ? [user] : [{ role: 'system', content: task.instruction }, user]
}

/** One field is the text itself; several are "name - value", one in each line. */
function userText(fields: readonly string[], inputs: Example['inputs']): string {
  const [only] = fields
  if (fields.length === 1 && only !== undefined) return inputs[only] ?? ''
  return fields.map((name) => `${name} - ${inputs[name] ?? ''}`).join('\n')
}

/**
 * An example as tokens. The answer's are those that follow the prompt's in the whole conversation, up to the token that ends it. `chooses` asks for the
 * labels (default: when the task's metric does). Throws Refusal: template-failed.
 */
export function encodeExample(
  tokenizer: PromptTokenizer,
  task: PromptTask,
  example: Example,
  chooses: boolean = metricOf(task.metric).asks === 'choices',
): EncodedExample {
  const { messages, text, prompt } = encodePrompt(tokenizer, messagesOf(task, example))
  const answerOf = (answer: string): readonly number[] => answerTokens(tokenizer, messages, { text, prompt }, answer)
  const labels = chooses ? (task.labels ?? []) : []
  const empty = [example.answer, ...labels].some((answer) => tokenizer.encode(answer).length === 0)
  return {
    promptText: text,
    prompt,
    answer: answerOf(example.answer),
    choices: chooses ? labels.map((label) => ({ label, tokens: answerOf(label) })) : null,
    problem: empty ? answerEmpty(example) : null,
  }
}

/** A conversation that ends with a question, as text and tokens. Throws Refusal: template-failed. */
export function encodePrompt(
  tokenizer: PromptTokenizer,
  given: readonly ChatMessage[],
): { readonly messages: readonly ChatMessage[]; readonly text: string; readonly prompt: readonly number[] } {
  const messages = tokenizer.takesSystem ? given : withoutSystem(given)
  const text = tokenizer.render(messages, true)
  return { messages, text, prompt: tokenizer.encode(text) }
}

/** True when the prompt and what is to come after it do not fit. */
export function isTooLong(encoded: Pick<EncodedExample, 'prompt' | 'answer' | 'choices'>, limits: PromptLimits): boolean {
  const { maxPositions = Infinity, newTokens = 0, maxPromptTokens = null } = limits
  const after = Math.max(newTokens, encoded.answer.length, ...(encoded.choices ?? []).map(({ tokens }) => tokens.length))
  return encoded.prompt.length + after > maxPositions || (maxPromptTokens !== null && encoded.prompt.length >= maxPromptTokens)
}

/** An example token by token, for people. Throws Refusal: template-failed. */
export function renderExample(tokenizer: PromptTokenizer, task: PromptTask, example: Example, limits: PromptLimits = {}): RenderedPrompt {
  const encoded = encodeExample(tokenizer, task, example, false)
  const ids = [...encoded.prompt, ...encoded.answer]
  const texts = tokenTexts(tokenizer, ids)
  return {
    exampleId: example.id,
    text: tokenizer.decode(ids),
    tokens: ids.map((id, position) => ({ id, text: texts[position] ?? '', counts: position >= encoded.prompt.length })),
    promptTokens: encoded.prompt.length,
    answerTokens: encoded.answer.length,
    template: tokenizer.template,
    tooLong: isTooLong(encoded, limits),
  }
}

/** The instruction before the user's text, for templates that know no system message. */
function withoutSystem(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const [first, second, ...rest] = messages
  if (first?.role !== 'system' || second === undefined) return messages
  return [{ ...second, content: `${first.content}\n\n${second.content}` }, ...rest]
}

interface Prompt {
  readonly text: string
  readonly prompt: readonly number[]
}

/**
 * Tokens of an answer after its prompt. The whole conversation is tokenised, so that the border falls where it fell in training; where its tokens do
 * not begin with the prompt's, the text after the prompt is tokenised alone, and where its text does not either, the answer and its end.
 */
function answerTokens(
  tokenizer: PromptTokenizer,
  messages: readonly ChatMessage[],
  { text, prompt }: Prompt,
  answer: string,
): readonly number[] {
  const whole = tokenizer.render([...messages, { role: 'assistant', content: answer }], false)
  const ids = tokenizer.encode(whole)
  if (prompt.every((id, position) => ids[position] === id)) return ended(tokenizer, ids.slice(prompt.length))
  if (whole.startsWith(text)) return ended(tokenizer, tokenizer.encode(whole.slice(text.length)))
  return ended(tokenizer, tokenizer.encode(answer))
}

/** Cut after the last end token (a template may write a line break after it), or with one put at the end. */
function ended(tokenizer: PromptTokenizer, ids: readonly number[]): readonly number[] {
  const last = ids.findLastIndex((id) => tokenizer.endTokens.includes(id))
  return last >= 0 ? ids.slice(0, last + 1) : [...ids, ...tokenizer.endTokens.slice(0, 1)]
}

/** The text of each token as it stands after the one before it: spaces at the start of words are part of it. */
function tokenTexts(tokenizer: PromptTokenizer, ids: readonly number[]): readonly string[] {
  return ids.map((id, position) => {
    const alone = tokenizer.decode([id])
    const before = ids[position - 1]
    if (before === undefined) return alone
    const prefix = tokenizer.decode([before])
    const both = tokenizer.decode([before, id])
    const rest = both.startsWith(prefix) ? both.slice(prefix.length) : ''
    return rest === '' ? alone : rest
  })
}

function answerEmpty(example: Example): Problem {
  return errorProblem('answer-empty', `The answer of the example ${example.id}, or one of the labels, has no tokens.`, {
    where: { field: 'answer', value: JSON.stringify(example.answer) },
    hint: 'Give it an answer, or leave the example out.',
  })
}
