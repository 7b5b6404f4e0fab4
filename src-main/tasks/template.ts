import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { errorProblem, Refusal } from '../contract/problems.ts'

/** One message of a conversation, as chat templates know it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** Writes a conversation as the text a base model was trained on. Throws Refusal: template-failed. */
export type RenderChat = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => string

/** Steps of a template, beyond which it is taken to run in a circle. A long conversation needs some hundreds. */
const maxSteps = 200_000
/** Longest text and longest list that a template may make. */
const maxText = 4_000_000
const maxList = 100_000

/** The day that templates get when they ask for today's: the one Llama's template falls back to, so that a prompt is the same on every day. */
const fixedDay = new Date(2024, 6, 26)

/**
 * A chat template in Jinja, as transformers renders it: blocks trimmed, `enable_thinking` off. `tokens` are variables such as bos_token.
 * What a template may do is bounded in steps and in the size of every value. Throws Refusal: template-failed.
 */
export function compileTemplate(template: string, tokens: Readonly<Record<string, string>>, path: string): RenderChat {
  const program = guard(path, () => parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true })))
  return (messages, addGenerationPrompt) =>
    guard(path, () => {
      const environment = new Environment()
      const values = {
        ...globals,
        ...tokens,
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: addGenerationPrompt,
      }
      for (const [name, value] of Object.entries(values)) environment.set(name, value)
      return String(boundedInterpreter(environment).run(program).value)
    })
}

const globals: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  tools: null,
  documents: null,
  // Answers of tasks are short: a base model that may think first would spend all its tokens on that.
  enable_thinking: false,
  range: boundedRange,
  strftime_now: formatDay,
  raise_exception: (message: unknown): never => {
    throw new Error(String(message))
  },
}

function boundedInterpreter(environment: Environment): Interpreter {
  const interpreter = new Interpreter(environment)
  const evaluate = interpreter.evaluate.bind(interpreter)
  let steps = 0
  interpreter.evaluate = (...given: Parameters<Interpreter['evaluate']>) => {
    const result = evaluate(...given)
    const value: unknown = result.value
    const items = Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0
    const letters = typeof value === 'string' ? value.length : 0
    if (letters > maxText) throw new Error(`it made a text of more than ${maxText} characters`)
    if (items > maxList) throw new Error(`it made a list of more than ${maxList} items`)
    // What is done with a value takes time in proportion to its size: a loop goes through a list, a filter through a text.
    steps += 1 + items + letters / 1000
    if (steps > maxSteps) throw new Error(`it was stopped after ${maxSteps} steps`)
    return result
  }
  return interpreter
}

function boundedRange(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (!(count <= maxList)) throw new Error(`range() would give ${count} numbers`)
  return Array.from({ length: count }, (_, index) => start + index * step)
}

/** The parts of Python's strftime that chat templates use. */
function formatDay(format: unknown): string {
  const part = (options: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat('en', options).format(fixedDay)
  const parts: Readonly<Record<string, () => string>> = {
    '%Y': () => part({ year: 'numeric' }),
    '%m': () => part({ month: '2-digit' }),
    '%d': () => part({ day: '2-digit' }),
    '%b': () => part({ month: 'short' }),
    '%B': () => part({ month: 'long' }),
    '%A': () => part({ weekday: 'long' }),
    '%a': () => part({ weekday: 'short' }),
    '%H': () => '00',
    '%M': () => '00',
    '%S': () => '00',
    '%%': () => '%',
  }
  return String(format).replaceAll(/%./g, (word) => parts[word]?.() ?? word)
}

function guard<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    // Everything a template does wrong comes as a plain error, and too deep a nesting as a full stack; a defect here would look the same.
    const reason = error instanceof Error ? error.message : String(error)
    throw new Refusal([
      errorProblem('template-failed', `The chat template cannot be used: ${reason.slice(0, 500)}.`, {
        where: { path },
        hint: 'Compare the file with the one its publisher offers, or remove it: without a template a plain one is used.',
      }),
    ])
  }
}

/** The plain template for a base model that brings none: instruction, an empty line, the input, "Answer:" and the answer. */
export function plainTemplate(begin: string, end: string): RenderChat {
  const texts: Readonly<Record<ChatMessage['role'], (content: string) => string>> = {
    system: (content) => `${content}\n\n`,
    user: (content) => `${content}\n`,
    assistant: (content) => `Answer: ${content}${end}`,
  }
  return (messages, addGenerationPrompt) =>
    `${begin}${messages.map(({ role, content }) => texts[role](content)).join('')}${addGenerationPrompt ? 'Answer:' : ''}`
}
