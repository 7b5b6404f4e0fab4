import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { errorProblem, Refusal, shownValue, type Problem } from '../contract/problems.ts'
import { readText } from './read-text.ts'
import { compileTemplate, plainTemplate, type ChatMessage, type RenderChat } from './template.ts'

export { checkVocabulary } from './check-vocabulary.ts'
export type { ChatMessage } from './template.ts'

/** A base model's tokenizer together with the template that makes its prompts. */
export interface PromptTokenizer {
  /** One more than the largest token id. */
  readonly vocabulary: number
  /** own: the base model brings a chat template; plain: it brings none. */
  readonly template: 'own' | 'plain'
  /** Tokens at which an answer ends, the usual one first; empty where the checkpoint names none. */
  readonly endTokens: readonly number[]
  /** False where the template refuses a system message or drops it: the instruction then goes before the user's text. */
  readonly takesSystem: boolean
  /** Tokens of a text; nothing is added (a rendered conversation holds its own begin and end). Special tokens in it are recognised. */
  encode(text: string): number[]
  /** Text of tokens, special ones included; bytes that are no whole character become the replacement character. */
  decode(ids: readonly number[]): string
  /** A conversation as text. Throws Refusal: template-failed. */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string
}

/** Largest files that are read, in bytes; the largest vocabularies in use need some 35 MB. */
const maxTokenizerBytes = 100_000_000
const maxConfigBytes = 10_000_000
const maxTemplateBytes = 1_000_000

type Fields = Readonly<Record<string, unknown>>

/**
 * The tokenizer of the checkpoint in `folder`: tokenizer.json, with tokenizer_config.json, chat_template.jinja, generation_config.json and config.json
 * where they are. Throws Refusal: tokenizer-missing, tokenizer-not-readable, template-failed, file-too-large.
 */
export function openTokenizer(folder: string): PromptTokenizer {
  const file = join(folder, 'tokenizer.json')
  const tokens = readFields(file, maxTokenizerBytes)
  if (!tokens) throw new Refusal([tokenizerMissing(folder)])
  const config = readFields(join(folder, 'tokenizer_config.json'), maxConfigBytes) ?? {}
  const tokenizer = build(file, tokens, config)
  const encode = (text: string): number[] =>
    // A token outside the vocabulary has no id where the model names no unknown token; it is dropped, as the reference does.
    tokenizer.encode(text, { add_special_tokens: false }).ids.filter((id) => Number.isInteger(id))
  const names = specialTokens(config)
  const given = endTokensOf(folder, tokenizer, names['eos_token'])
  const template = templateOf(folder, config)
  const render = template
    ? compileTemplate(template.text, names, template.path)
    : plainTemplate(beginOf(tokenizer, config, names['bos_token']), endTextOf(tokenizer, given))
  const endTokens = [...new Set([...given, ...turnEnd(tokenizer, render)])]
  return {
    vocabulary: vocabularyOf(tokenizer),
    template: template ? 'own' : 'plain',
    endTokens,
    takesSystem: takesSystem(render),
    encode,
    decode: (ids) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], {
            skip_special_tokens: false,
            clean_up_tokenization_spaces: config['clean_up_tokenization_spaces'] === true,
          }),
    render,
  }
}

function build(file: string, tokens: Fields, config: Fields): Tokenizer {
  try {
    const tokenizer = new Tokenizer({ added_tokens: [], ...tokens }, config)
    // Some patterns are only understood when they are used first.
    tokenizer.encode('A word, 12 and ü.', { add_special_tokens: false })
    return tokenizer
  } catch (error) {
    // The library throws plain errors for what it does not know, and type errors where a part is missing.
    const reason = error instanceof Error ? error.message : String(error)
    throw new Refusal([notReadable(file, `its parts are not understood (${reason.slice(0, 300)})`)])
  }
}

function readFields(path: string, maxBytes: number): Fields | null {
  const text = readText(path, { maxBytes, code: 'tokenizer-not-readable' })
  if (text === null) return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Refusal([notReadable(path, `it is not JSON (${error.message})`)])
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal([notReadable(path, `it holds ${shownValue(value)} where an object is expected`)])
  return value as Fields
}

/** The variables a template gets: bos_token and the like; in older files such a token is an object with its content. */
function specialTokens(config: Fields): Readonly<Record<string, string>> {
  const names = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token', 'mask_token']
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = config[name]
      const content = typeof value === 'object' && value !== null ? (value as Fields)['content'] : value
      return typeof content === 'string' ? [[name, content]] : []
    }),
  )
}

/** The template's own file comes first, as in transformers; then the one, or the one called "default", in tokenizer_config.json. */
function templateOf(folder: string, config: Fields): { readonly text: string; readonly path: string } | null {
  const path = join(folder, 'chat_template.jinja')
  const text = readText(path, { maxBytes: maxTemplateBytes, code: 'template-failed' })
  if (text !== null) return { text, path }
  const given = config['chat_template']
  const place = join(folder, 'tokenizer_config.json')
  if (typeof given === 'string') return { text: given, path: place }
  if (!Array.isArray(given)) return null
  const named = given.filter((entry: unknown): entry is { name: string; template: string } => {
    const fields = entry as Fields | null
    return typeof fields?.['name'] === 'string' && typeof fields['template'] === 'string'
  })
  const chosen = named.find(({ name }) => name === 'default') ?? named[0]
  return chosen ? { text: chosen.template, path: place } : null
}

function endTokensOf(folder: string, tokenizer: Tokenizer, end: string | undefined): readonly number[] {
  const named = end === undefined ? undefined : tokenizer.token_to_id(end)
  const given = ['generation_config.json', 'config.json'].flatMap((name) => {
    const value = readFields(join(folder, name), maxConfigBytes)?.['eos_token_id']
    return Array.isArray(value) ? (value as unknown[]) : [value]
  })
  return [...new Set([named, ...given])].filter((id): id is number => Number.isInteger(id) && (id as number) >= 0)
}

/** The special token that the template writes after an answer: base models without a chat's end token among their own still end a turn with it. */
function turnEnd(tokenizer: Tokenizer, render: RenderChat): readonly number[] {
  const mark = 'answer 7319'
  const user: ChatMessage = { role: 'user', content: 'a' }
  try {
    const text = render([user, { role: 'assistant', content: mark }], false)
    const after = text.slice(text.lastIndexOf(mark) + mark.length).trimStart()
    const [first] = after === '' ? [] : tokenizer.encode(after, { add_special_tokens: false }).ids
    return first !== undefined && tokenizer.get_added_tokens_decoder().get(first)?.special === true ? [first] : []
  } catch (error) {
    // A template that fails says so when an example is rendered.
    if (!(error instanceof Refusal)) throw error
    return []
  }
}

/** The begin token as text, where the tokenizer itself would put it before a plain text. */
function beginOf(tokenizer: Tokenizer, config: Fields, begin: string | undefined): string {
  if (begin === undefined || config['add_bos_token'] === false) return ''
  const first = tokenizer.encode('a').ids[0]
  return config['add_bos_token'] === true || first === tokenizer.token_to_id(begin) ? begin : ''
}

function endTextOf(tokenizer: Tokenizer, endTokens: readonly number[]): string {
  const [end] = endTokens
  return end === undefined ? '' : (tokenizer.id_to_token(end) ?? '')
}

function vocabularyOf(tokenizer: Tokenizer): number {
  // The added tokens are part of it; its length is one more than the largest id.
  let largest = -1
  for (const id of tokenizer.get_vocab().values()) largest = Math.max(largest, id)
  return largest + 1
}

function takesSystem(render: RenderChat): boolean {
  const mark = 'instruction 7319'
  try {
    return render(
      [
        { role: 'system', content: mark },
        { role: 'user', content: 'a' },
      ],
      true,
    ).includes(mark)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return false
  }
}

function tokenizerMissing(folder: string): Problem {
  return errorProblem('tokenizer-missing', 'The folder of the base model holds no tokenizer.json.', {
    where: { path: folder },
    hint: 'Put tokenizer.json and tokenizer_config.json of the checkpoint beside its weights. A tokenizer.model alone is not read.',
  })
}

function notReadable(path: string, reason: string): Problem {
  return errorProblem('tokenizer-not-readable', `The tokenizer cannot be used: ${reason}.`, {
    where: { path },
    hint: 'Compare the file with the one its publisher offers.',
  })
}
