import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder that is gone after the test, with these files: texts as they are, other values as JSON. */
export function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-tasks-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value))
  return folder
}

const special = ['<s>', '</s>', '<user>', '<assistant>']
const words = [
  'Answer:',
  'hot',
  'cold',
  'say',
  'opposite',
  'the',
  'input',
  '-',
  'one',
  'two',
  'What',
  'is',
  '?',
  'instruction',
  '7319',
  'a',
]

/** A tokenizer of whole words: special tokens 0 to 3, then the words in the order above, then "<unk>". */
export function wordTokenizer(template?: { readonly single: readonly string[] }): Readonly<Record<string, unknown>> {
  const vocabulary = Object.fromEntries([...special, ...words, '<unk>'].map((word, id) => [word, id]))
  return {
    version: '1.0',
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: template
      ? {
          type: 'TemplateProcessing',
          single: template.single.map((id) => (id === 'A' ? { Sequence: { id, type_id: 0 } } : { SpecialToken: { id, type_id: 0 } })),
          pair: [],
          special_tokens: Object.fromEntries(
            template.single.filter((id) => id !== 'A').map((id) => [id, { id, ids: [special.indexOf(id)], tokens: [id] }]),
          ),
        }
      : null,
    decoder: null,
    model: { type: 'WordPiece', vocab: vocabulary, unk_token: '<unk>', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
  }
}

/** Ids of words of that tokenizer. */
export function idsOf(text: string): readonly number[] {
  const all = [...special, ...words, '<unk>']
  return text.split(' ').map((word) => (all.includes(word) ? all.indexOf(word) : all.length - 1))
}
