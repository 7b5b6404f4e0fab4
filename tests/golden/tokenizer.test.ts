/**
 * Tokens and chat templates against what transformers gives for the demo kit's tokenizer (make_golden.py, tokenizer/expected.json). The folder is
 * AMALGAM_GOLDEN when it is set and the kit AMALGAM_DEMO; a folder of values may come without a tokenizer.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeExample } from '../../src-main/tasks/prompts.ts'
import { openTokenizer, type ChatMessage } from '../../src-main/tasks/tokenizer.ts'
import { demoKit } from '../helpers/demo.ts'

interface Expected {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[]
  readonly chats: readonly { readonly messages: readonly ChatMessage[]; readonly prompt: string; readonly full: string; readonly ids: readonly number[] }[]
}

const file = join(process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values'), 'tokenizer/expected.json')
const expected: Expected = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Expected) : { texts: [], chats: [] }
if (!existsSync(file)) console.log(`skipped: ${file} is not there, so tokens are not compared with transformers`)

describe.skipIf(!existsSync(file))('the demo tokenizer', () => {
  const tokenizer = openTokenizer(join(demoKit, 'base-model'))

  test('gives the tokens of every text, and the text of its tokens', () => {
    expect(expected.texts.length).toBeGreaterThan(0)
    for (const { text, ids, decoded } of expected.texts) {
      expect(tokenizer.encode(text), text).toEqual(ids)
      expect(tokenizer.decode(ids), text).toBe(decoded)
    }
  })

  test('renders every conversation, with one begin token', () => {
    expect(expected.chats.length).toBeGreaterThan(0)
    for (const { messages, prompt, full, ids } of expected.chats) {
      expect(tokenizer.render(messages, true)).toBe(prompt)
      expect(tokenizer.render(messages, false)).toBe(full)
      expect(tokenizer.encode(prompt)).toEqual(ids)
    }
  })

  test('makes of an example the prompt of its conversation, and as answer what follows it', () => {
    const asked = expected.chats.filter(({ messages }) => messages.map(({ role }) => role).join() === 'system,user')
    expect(asked.length).toBeGreaterThan(0)
    for (const { messages, prompt, ids } of asked) {
      const [system, user] = messages
      const task = { instruction: system?.content ?? '', inputs: ['input'], metric: 'exact_match' as const }
      const encoded = encodeExample(tokenizer, task, { id: 'x', inputs: { input: user?.content ?? '' }, answer: 'cold' })
      expect(encoded.promptText).toBe(prompt)
      expect(encoded.prompt).toEqual(ids)
      expect(encoded.answer).toEqual(tokenizer.encode('cold<|end|>'))
      expect(encoded.problem).toBeNull()
    }
  })
})
