import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeExample, isTooLong, messagesOf, renderExample } from '../../../src-main/tasks/prompts.ts'
import { openTokenizer, type PromptTokenizer } from '../../../src-main/tasks/tokenizer.ts'
import { demoKit } from '../../helpers/demo.ts'
import { folderWith, idsOf, wordTokenizer } from './checkpoint.ts'

const task = { instruction: 'say the opposite', inputs: ['input'], metric: 'exact_match' as const }
const example = { id: 'one', inputs: { input: 'hot' }, answer: 'cold' }

function open(template: string): PromptTokenizer {
  return openTokenizer(
    folderWith({
      'tokenizer.json': wordTokenizer(),
      'tokenizer_config.json': { bos_token: '<s>', eos_token: '</s>', chat_template: template },
    }),
  )
}

const usual = templateOf('{{ m.content }}')
function templateOf(content: string): string {
  return `{{ bos_token }} {% for m in messages %}{% if m.role == 'user' %} <user> {% endif %}{% if m.role == 'assistant' %} <assistant> {% endif %}${content}{% if m.role == 'assistant' %} </s>\n{% endif %}{% endfor %}{% if add_generation_prompt %} <assistant>{% endif %}`
}

describe('the conversation of an example', () => {
  test('has the instruction as system message and the only input as it is', () => {
    expect(messagesOf(task, example)).toEqual([
      { role: 'system', content: 'say the opposite' },
      { role: 'user', content: 'hot' },
    ])
    expect(messagesOf({ ...task, instruction: '' }, example)).toEqual([{ role: 'user', content: 'hot' }])
  })

  test('names several inputs, one on a line, in the order of the task', () => {
    const inputs = { premise: 'a', hypothesis: 'b' }
    expect(messagesOf({ instruction: '', inputs: ['hypothesis', 'premise'] }, { inputs })).toEqual([
      { role: 'user', content: 'hypothesis - b\npremise - a' },
    ])
  })
})

describe('tokens of an example', () => {
  test('are the prompt and, after it, the answer up to the token that ends it', () => {
    const encoded = encodeExample(open(usual), task, example)
    expect(encoded.prompt).toEqual(idsOf('<s> say the opposite <user> hot <assistant>'))
    expect(encoded.answer).toEqual(idsOf('cold </s>'))
    expect(encoded.choices).toBeNull()
  })

  test('end with the end token where the template writes none', () => {
    const bare = '{% for m in messages %}{{ m.content }} {% endfor %}'
    expect(encodeExample(open(bare), task, example).answer).toEqual(idsOf('cold </s>'))
  })

  test('of the answer are those of its text where the prompt is written otherwise once there is an answer', () => {
    const fickle = '{% if add_generation_prompt %}say <assistant>{% else %}{% for m in messages %}{{ m.content }} {% endfor %}{% endif %}'
    const encoded = encodeExample(open(fickle), task, example)
    expect(encoded.prompt).toEqual(idsOf('say <assistant>'))
    expect(encoded.answer).toEqual(idsOf('cold </s>'))
  })

  test('hold the instruction before the input where the template takes no system message', () => {
    const dropping = "{% for m in messages %}{% if m.role != 'system' %}<user> {{ m.content }} {% endif %}{% endfor %}"
    expect(encodeExample(open(dropping), task, example).prompt).toEqual(idsOf('<user> say the opposite hot'))
  })

  test('of every label are given where the metric chooses among them', () => {
    const choosing = { ...task, labels: ['hot', 'cold'], metric: 'choice_accuracy' as const }
    expect(encodeExample(open(usual), choosing, example).choices).toEqual([
      { label: 'hot', tokens: idsOf('hot </s>') },
      { label: 'cold', tokens: idsOf('cold </s>') },
    ])
    expect(encodeExample(open(usual), choosing, example, false).choices).toBeNull()
  })

  test('that an answer lacks are a problem that names the example', () => {
    expect(encodeExample(open(usual), task, { ...example, answer: ' ' }).problem).toMatchObject({
      code: 'answer-empty',
      message: expect.stringContaining('one') as string,
    })
    const choosing = { ...task, labels: ['hot', '  '], metric: 'choice_accuracy' as const }
    expect(encodeExample(open(usual), choosing, example).problem?.code).toBe('answer-empty')
  })
})

test('a prompt is too long when it and what follows it do not fit, or from the limit on', () => {
  const encoded = { prompt: [1, 2, 3, 4], answer: [5, 6], choices: null }
  expect(isTooLong(encoded, { maxPositions: 6 })).toBe(false)
  expect(isTooLong(encoded, { maxPositions: 5 })).toBe(true)
  expect(isTooLong(encoded, { maxPositions: 6, newTokens: 3 })).toBe(true)
  expect(isTooLong({ ...encoded, choices: [{ label: 'x', tokens: [1, 2, 3] }] }, { maxPositions: 6 })).toBe(true)
  expect(isTooLong(encoded, { maxPromptTokens: 5 })).toBe(false)
  expect(isTooLong(encoded, { maxPromptTokens: 4 })).toBe(true)
})

test('a rendered prompt shows each token with its spaces, which of them count, and broken characters as such', () => {
  const tokenizer = openTokenizer(join(demoKit, 'base-model'))
  const rendered = renderExample(tokenizer, task, { ...example, answer: 'very 京' }, { maxPositions: 256 })
  const counted = rendered.tokens.filter(({ counts }) => counts)
  expect(rendered.tokens.slice(0, rendered.promptTokens).some(({ counts }) => counts)).toBe(false)
  expect(counted).toHaveLength(rendered.answerTokens)
  expect(rendered.tokens.slice(0, 2).map(({ text }) => text)).toEqual(['<|begin|>', '<|system|>'])
  expect(counted.at(-1)?.text).toBe('<|end|>')
  expect(counted.filter(({ text }) => text.includes('�')).length).toBeGreaterThanOrEqual(2)
  expect(rendered.tokens.every(({ text }) => text !== '')).toBe(true)
  expect(rendered.text).toBe(tokenizer.render([...messagesOf(task, example), { role: 'assistant', content: 'very 京' }], false))
  expect(rendered).toMatchObject({ exampleId: 'one', template: 'own', tooLong: false })
  expect(renderExample(tokenizer, task, example, { maxPositions: 8 }).tooLong).toBe(true)
})
