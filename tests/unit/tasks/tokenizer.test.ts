import { describe, expect, test } from 'vitest'
import { Refusal, type Problem } from '../../../src-main/contract/problems.ts'
import { checkVocabulary, openTokenizer, type ChatMessage } from '../../../src-main/tasks/tokenizer.ts'
import { folderWith, idsOf, wordTokenizer } from './checkpoint.ts'

const chat: readonly ChatMessage[] = [
  { role: 'system', content: 'say the opposite' },
  { role: 'user', content: 'hot' },
]
const names = { bos_token: '<s>', eos_token: '</s>' }
const template =
  "{{ bos_token }}{% for m in messages %}{{ ' ' + m.role + ':' + m.content }}{% endfor %}{% if add_generation_prompt %} <assistant>{% endif %}"

function refusals(work: () => unknown): readonly Problem[] {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.problems
    throw error
  }
  return []
}

describe('a chat template', () => {
  test('is taken from its own file first, then from the one in the config, by name where there are several', () => {
    const inConfig = { ...names, chat_template: 'config' }
    const several = {
      ...names,
      chat_template: [
        { name: 'tool_use', template: 'tools' },
        { name: 'default', template: 'usual' },
      ],
    }
    const rendered = (files: Readonly<Record<string, unknown>>) =>
      openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), ...files })).render(chat, true)
    expect(rendered({ 'tokenizer_config.json': inConfig, 'chat_template.jinja': 'file' })).toBe('file')
    expect(rendered({ 'tokenizer_config.json': inConfig })).toBe('config')
    expect(rendered({ 'tokenizer_config.json': several })).toBe('usual')
  })

  test('gets the special tokens, also where the config gives them as objects', () => {
    const config = { bos_token: { content: '<s>', special: true }, eos_token: '</s>', chat_template: template }
    const tokenizer = openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), 'tokenizer_config.json': config }))
    expect(tokenizer.template).toBe('own')
    expect(tokenizer.render(chat, true)).toBe('<s> system:say the opposite user:hot <assistant>')
    expect(tokenizer.render(chat, false)).toBe('<s> system:say the opposite user:hot')
  })

  test('gets the same day on every day, and no thinking', () => {
    const text = "{{ strftime_now('%d %b %Y') }} {{ enable_thinking }} {{ tools is none }} {{ range(2, 5) | length }}"
    const tokenizer = openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), 'chat_template.jinja': text }))
    expect(tokenizer.render(chat, true)).toBe('26 Jul 2024 false true 3')
  })

  test('that takes no system message is known by it', () => {
    const refusing =
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ m.content }}{% endfor %}"
    const dropping = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    const takes = (text: string) =>
      openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), 'chat_template.jinja': text })).takesSystem
    expect([refusing, dropping, template].map(takes)).toEqual([false, false, true])
  })

  test.each([
    [
      'loops without end',
      '{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}',
      'stopped after 200000 steps',
    ],
    ['asks for a huge list', '{% for a in range(1000000000) %}{% endfor %}', 'range() would give 1000000000 numbers'],
    [
      'doubles a list',
      '{% set ns = namespace(l=[1]) %}{% for a in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}',
      'stopped after 200000 steps',
    ],
    [
      'doubles a text',
      "{% set ns = namespace(t='abc') %}{% for a in range(60) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
      'a text of more than 4000000 characters',
    ],
    ['calls itself', '{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}', 'chat template cannot be used'],
    ['raises', "{{ raise_exception('roles must alternate') }}", 'roles must alternate'],
  ])('that %s is stopped, and it is said', (_what, text, reason) => {
    const tokenizer = openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), 'chat_template.jinja': text }))
    const began = Date.now()
    const [problem] = refusals(() => tokenizer.render(chat, true))
    expect(problem?.code).toBe('template-failed')
    expect(problem?.message).toContain(reason)
    expect(problem?.where?.path).toMatch(/chat_template\.jinja$/)
    expect(Date.now() - began).toBeLessThan(5000)
  })

  test('that is not Jinja, or nested too deep, is refused when the tokenizer is opened', () => {
    const open = (text: string) =>
      refusals(() => openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), 'chat_template.jinja': text }))).map(({ code }) => code)
    expect(open('{% for %}')).toEqual(['template-failed'])
    expect(open(`{{ ${'('.repeat(100000)} }}`)).toEqual(['template-failed'])
    expect(open('x'.repeat(1_000_001))).toEqual(['file-too-large'])
  })
})

describe('without a chat template', () => {
  test('a plain one is used and said, with the begin token only where the tokenizer puts one', () => {
    const plain = (single: readonly string[], config: object = names) =>
      openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer({ single }), 'tokenizer_config.json': config }))
    const tokenizer = plain(['<s>', 'A'])
    expect(tokenizer.template).toBe('plain')
    expect(tokenizer.render(chat, true)).toBe('<s>say the opposite\n\nhot\nAnswer:')
    expect(tokenizer.render([...chat, { role: 'assistant', content: 'cold' }], false)).toBe('<s>say the opposite\n\nhot\nAnswer: cold</s>')
    expect(plain(['A']).render(chat, true)).toBe('say the opposite\n\nhot\nAnswer:')
    expect(plain(['<s>', 'A'], { ...names, add_bos_token: false }).render(chat, true)).toBe('say the opposite\n\nhot\nAnswer:')
    expect(plain(['A'], { ...names, add_bos_token: true }).render(chat, true)).toBe('<s>say the opposite\n\nhot\nAnswer:')
  })
})

describe('tokens', () => {
  test('are those of the text alone, with special tokens in it recognised and unknown words as such', () => {
    const tokenizer = openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer({ single: ['<s>', 'A'] }) }))
    expect(tokenizer.encode('say hot <user> nonsense')).toEqual(idsOf('say hot <user> nonsense'))
    expect(tokenizer.encode('')).toEqual([])
    expect(tokenizer.decode([])).toBe('')
    expect(tokenizer.vocabulary).toBe(idsOf('<unk>')[0]! + 1)
  })

  test('that end an answer come from the tokenizer first, then from the generation config and the config', () => {
    const open = (files: Readonly<Record<string, unknown>>) =>
      openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), ...files })).endTokens
    expect(
      open({ 'tokenizer_config.json': names, 'generation_config.json': { eos_token_id: [2, 1] }, 'config.json': { eos_token_id: 3 } }),
    ).toEqual([1, 2, 3])
    expect(open({ 'config.json': { eos_token_id: null } })).toEqual([])
  })

  test('that end an answer are also those that the template writes after one', () => {
    const chatml = '{% for m in messages %}<user> {{ m.content }} <assistant>\n{% endfor %}'
    const config = { ...names, chat_template: chatml }
    const tokenizer = openTokenizer(folderWith({ 'tokenizer.json': wordTokenizer(), 'tokenizer_config.json': config }))
    expect(tokenizer.endTokens).toEqual([1, 3])
  })

  test('must fit the embedding, which may have more rows', () => {
    expect(checkVocabulary({ vocabulary: 21 }, 21)).toBeNull()
    expect(checkVocabulary({ vocabulary: 21 }, 64)).toBeNull()
    expect(checkVocabulary({ vocabulary: 21 }, 20)).toMatchObject({
      code: 'vocabulary-mismatch',
      message: expect.stringMatching(/21 tokens.*20 rows/) as string,
    })
  })
})

describe('a tokenizer that cannot be used', () => {
  test.each([
    ['is not there', {}, 'tokenizer-missing'],
    ['is not JSON', { 'tokenizer.json': '{' }, 'tokenizer-not-readable'],
    ['is no object', { 'tokenizer.json': '[]' }, 'tokenizer-not-readable'],
    ['lacks its parts', { 'tokenizer.json': {} }, 'tokenizer-not-readable'],
    ['has an unknown part', { 'tokenizer.json': { ...wordTokenizer(), pre_tokenizer: { type: 'Sorcery' } } }, 'tokenizer-not-readable'],
    [
      'has a vocabulary that is none',
      { 'tokenizer.json': { ...wordTokenizer(), model: { type: 'BPE', vocab: 7, merges: null } } },
      'tokenizer-not-readable',
    ],
    ['has a broken config', { 'tokenizer.json': wordTokenizer(), 'tokenizer_config.json': 'no' }, 'tokenizer-not-readable'],
  ])('because it %s is refused', (_why, files, code) => {
    const folder = folderWith(files)
    expect(refusals(() => openTokenizer(folder)).map((problem) => problem.code)).toEqual([code])
  })
})
