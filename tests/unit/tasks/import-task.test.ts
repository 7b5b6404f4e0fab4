import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Refusal, type Problem } from '../../../src-main/contract/problems.ts'
import { splits, type TaskMapping } from '../../../src-main/contract/task.ts'
import { describeSource, suggestMapping } from '../../../src-main/tasks/describe-source.ts'
import { importTask, parseMapping } from '../../../src-main/tasks/import-task.ts'
import { readSource, type Source } from '../../../src-main/tasks/read-source.ts'
import { folderWith } from './checkpoint.ts'

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

function sourceOf(name: string, text: string, maxBytes?: number): Source {
  return readSource(join(folderWith({ [name]: text }), name), maxBytes)
}

function refusals(work: () => unknown): readonly Problem[] {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.problems
    throw error
  }
  return []
}

function mapping(given: Partial<TaskMapping> = {}): TaskMapping {
  return {
    ...{
      path: '/rows',
      id: 'mood',
      title: 'Mood',
      instruction: 'say it',
      systemField: null,
      inputs: ['text'],
      target: 'label',
      answer: 'short',
    },
    ...{ metric: 'exact_match', maxNewTokens: null, labelNames: {}, split: { seed: 1, train: 2, validation: 1, test: null, field: null } },
    ...given,
  } as TaskMapping
}

describe('a file of examples', () => {
  test('in JSONL has a field for each name that occurs; numbers, lists and missing ones as text', () => {
    const source = sourceOf(
      'a.jsonl',
      lines([
        { q: 'one', n: 1, list: ['a'] },
        { q: 'two', extra: null },
      ]),
    )
    expect(source.format).toBe('jsonl')
    expect(source.fields).toEqual(['q', 'n', 'list', 'extra'])
    expect(source.rows).toEqual([
      { place: 'line 1', fields: { q: 'one', n: '1', list: '["a"]', extra: '' } },
      { place: 'line 2', fields: { q: 'two', n: '', list: '', extra: '' } },
    ])
  })

  test('in JSON is a list, or an object that holds one', () => {
    const rows = [{ a: 'x', b: 'y' }]
    expect(sourceOf('a.json', JSON.stringify(rows))).toMatchObject({
      format: 'json',
      rows: [{ place: 'row 1', fields: { a: 'x', b: 'y' } }],
    })
    expect(sourceOf('a.json', JSON.stringify({ version: 1, data: rows }, null, 2)).rows).toHaveLength(1)
    expect(sourceOf('a.json', lines([...rows, ...rows])).format).toBe('jsonl')
  })

  test.each([
    ['commas', 'text,label\r\n"a, ""b""",x\r\n"two\nlines",y\r\n'],
    ['semicolons and a byte order mark', '\ufefftext;label\n"a, ""b""";x\n"two\nlines";y\n'],
    ['tabs', 'text\tlabel\n"a, ""b"""\tx\n"two\nlines"\ty'],
  ])('in CSV may be separated by %s', (_what, text) => {
    const source = sourceOf('a.csv', text)
    expect(source.format).toBe('csv')
    expect(source.rows.map(({ fields }) => fields)).toEqual([
      { text: 'a, "b"', label: 'x' },
      { text: 'two\nlines', label: 'y' },
    ])
  })

  test('in CSV names the line on which a row begins', () => {
    const source = sourceOf('a.csv', 'a,b\n"1\n1",2\n\n3,4\n')
    expect(source.rows.map(({ place }) => place)).toEqual(['line 2', 'line 5'])
  })

  test.each([
    ['of unequal width', 'a,b\n1,2\n3\n', 'line 3'],
    ['with an open quote', 'a,b\n1,"2\n', 'line 2'],
    ['with two columns of one name', 'a,a\n1,2\n', 'two columns are called "a"'],
    ['with a single column', 'a\n1\n', 'fewer than two'],
  ])('in CSV %s is refused with the place', (_what, text, message) => {
    const problems = refusals(() => sourceOf('a.csv', text))
    expect(problems.map(({ code }) => code)).toEqual(['source-not-readable'])
    expect(problems[0]?.message).toContain(message)
  })

  test('in the Alpaca form is known by its fields', () => {
    expect(sourceOf('a.json', JSON.stringify([{ instruction: 'i', input: '', output: 'o' }])).format).toBe('alpaca')
  })

  test('of conversations becomes system, user, answer and what was said before', () => {
    const messages = [
      { role: 'system', content: 's' },
      { role: 'user', content: 'hot' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'co' },
          { type: 'text', text: 'ld' },
        ],
      },
    ]
    const shared = {
      conversations: [
        { from: 'human', value: 'a' },
        { from: 'gpt', value: 'b' },
        { from: 'human', value: 'c' },
        { from: 'gpt', value: 'd' },
      ],
    }
    const source = sourceOf('a.jsonl', lines([{ messages, topic: 't' }, shared]))
    expect(source.format).toBe('chat')
    expect(source.rows.map(({ fields }) => fields)).toEqual([
      { topic: 't', system: 's', history: '', user: 'hot', answer: 'cold' },
      { topic: '', system: '', history: 'user: a\nassistant: b', user: 'c', answer: 'd' },
    ])
  })

  test('of conversations names those that do not end with an answer or are not understood', () => {
    const good = {
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    }
    const source = sourceOf(
      'a.jsonl',
      lines([good, { messages: [{ role: 'user', content: 'a' }] }, { messages: [{ role: 'wizard', content: 'a' }] }, { messages: [7] }]),
    )
    expect(source.rows).toHaveLength(1)
    expect(source.problems.map(({ code, where }) => [code, where?.field])).toEqual([
      ['example-not-readable', 'line 2'],
      ['example-not-readable', 'line 3'],
      ['example-not-readable', 'line 4'],
    ])
  })

  test('that is empty, too large, missing or broken is refused', () => {
    const code = (work: () => unknown) => refusals(work).map((problem) => problem.code)
    expect(code(() => sourceOf('a.jsonl', ' \n'))).toEqual(['source-not-readable'])
    expect(code(() => sourceOf('a.jsonl', lines([{ a: 'x'.repeat(100) }]), 50))).toEqual(['file-too-large'])
    expect(code(() => readSource('/nowhere/a.jsonl'))).toEqual(['source-not-readable'])
    expect(code(() => sourceOf('a.json', '[{"a": 1},'))).toEqual(['source-not-readable'])
    expect(code(() => sourceOf('a.json', '7'))).toEqual(['source-not-readable'])
    expect(refusals(() => sourceOf('a.jsonl', '{"a": 1\n{"a"')).map(({ where }) => where?.field)).toEqual(['line 1', 'line 2'])
  })
})

describe('the mapping that suggests itself', () => {
  test('takes fields by their names, labels that are alike as one, and a split that is there', () => {
    const rows = Array.from({ length: 12 }, (_, index) => ({
      id: index,
      text: `t${index}`,
      label: index === 0 ? 'Good ' : index % 2 ? 'good' : 'bad',
      split: index < 8 ? 'train' : 'dev',
    }))
    expect(suggestMapping(sourceOf('my moods.jsonl', lines(rows)))).toMatchObject({
      ...{
        id: 'my-moods',
        title: 'My moods',
        inputs: ['text'],
        target: 'label',
        systemField: null,
        answer: 'short',
        metric: 'exact_match',
      },
      ...{ labelNames: { Good: 'good' }, split: { field: 'split' } },
    })
  })

  test('makes a constant instruction the system message, another one an input', () => {
    const alpaca = (instructions: readonly string[]) =>
      suggestMapping(
        sourceOf(
          'a.json',
          JSON.stringify(instructions.map((instruction, index) => ({ instruction, input: `i${index}`, output: 'o'.repeat(80) + index }))),
        ),
      )
    expect(alpaca(['same', 'same'])).toMatchObject({
      systemField: 'instruction',
      inputs: ['input'],
      target: 'output',
      answer: 'long',
      metric: 'rouge_l',
    })
    expect(alpaca(['one', 'two'])).toMatchObject({ systemField: null, inputs: ['instruction', 'input'], target: 'output' })
  })

  test('is none where only one field has text, and the file is described all the same', () => {
    const described = describeSource(
      sourceOf(
        'a.jsonl',
        lines([
          { a: 'x', b: '' },
          { a: 'x', b: ' ' },
        ]),
      ),
    )
    expect(described.suggested).toBeNull()
    expect(described.fields).toEqual([
      { name: 'a', filled: 2, distinct: 1, sample: 'x' },
      { name: 'b', filled: 0, distinct: 0, sample: '' },
    ])
  })
})

describe('an import', () => {
  const rows = [
    { text: 'nice', label: 'Positive' },
    { text: 'fine', label: 'positive ' },
    { text: 'bad', label: 'negative' },
    { text: 'ugh', label: 'negative' },
    { text: 'nice', label: 'Positive' },
  ]
  const source = () => sourceOf('a.jsonl', lines(rows))

  test('makes a task file and deals the rows out; rows with one input stay together', () => {
    const { file, examples, problems } = importTask(mapping({ title: ' ', labelNames: { Positive: 'positive' } }), source())
    expect(file).toEqual({
      ...{ id: 'mood', version: 1, title: 'mood', instruction: 'say it', inputs: ['text'], target: 'label', answer: 'short' },
      ...{ metric: 'exact_match', maxNewTokens: 30, split: { seed: 1 }, source: 'imported from a.jsonl (jsonl, 5 rows)' },
    })
    expect(problems).toEqual([])
    const nice = splits.flatMap((split) => examples[split].filter(({ inputs }) => inputs['text'] === 'nice').map(() => split))
    expect(new Set(nice).size).toBe(1)
    expect(splits.flatMap((split) => examples[split].map(({ answer }) => answer)).sort()).toEqual([
      'negative',
      'negative',
      'positive',
      'positive',
      'positive',
    ])
  })

  test('shows every label, what it becomes, and which are alike', () => {
    const { labels, problems } = importTask(mapping(), source())
    expect(labels).toEqual([
      { found: 'Positive', count: 2, becomes: 'Positive' },
      { found: 'negative', count: 2, becomes: 'negative' },
      { found: 'positive ', count: 1, becomes: 'positive' },
    ])
    expect(problems.map(({ code, severity, message }) => [code, severity, message])).toEqual([
      ['labels-alike', 'warning', 'These labels differ only in case, spaces or a full stop: "Positive", "positive".'],
    ])
  })

  test('deals out the same whatever the order of rows, and other fields do not matter', () => {
    const many = Array.from({ length: 40 }, (_, index) => ({ text: `t${index % 30}`, label: `l${index % 4}` }))
    const other = many.toReversed().map((row) => ({ note: 'n', ...row }))
    const split = { seed: 7, train: 12, validation: 5, test: null, field: null }
    const made = [many, other].map((list) => importTask(mapping({ split }), sourceOf('a.jsonl', lines(list))).examples)
    expect(made[1]).toEqual(made[0])
    expect(made[0]?.train.length).toBeGreaterThanOrEqual(12)
  })

  test('takes rows own ids when all have one and none repeats', () => {
    const ids = (list: readonly object[]) =>
      splits.flatMap((name) => importTask(mapping(), sourceOf('a.jsonl', lines(list))).examples[name].map(({ id }) => id))
    expect(
      ids([
        { id: 5, text: 'a', label: 'x' },
        { id: 'k', text: 'b', label: 'y' },
      ]).sort(),
    ).toEqual(['5', 'k'])
    expect(
      ids([
        { id: 5, text: 'a', label: 'x' },
        { id: 5, text: 'b', label: 'y' },
      ]).every((id) => /^[0-9a-f]{16}$/.test(id)),
    ).toBe(true)
  })

  test('follows a field that names the split, and refuses one that does not', () => {
    const split = { seed: 1, train: 0, validation: 0, test: null, field: 'part' }
    const given = [
      { part: 'Train', text: 'a', label: 'x' },
      { part: 'dev', text: 'b', label: 'x' },
      { part: 'test', text: 'a', label: 'x' },
    ]
    const { examples } = importTask(mapping({ split }), sourceOf('a.jsonl', lines(given)))
    expect(splits.map((name) => examples[name].map(({ inputs }) => inputs['text']))).toEqual([['a'], ['b'], ['a']])
    const refused = importTask(mapping({ split }), sourceOf('a.jsonl', lines([...given, { part: 'maybe', text: 'c', label: 'x' }])))
    expect(refused.file).toBeNull()
    expect(refused.problems.map(({ code, where, message }) => [code, where?.field, message])).toEqual([
      ['mapping-invalid', 'split.field', 'The field holds "maybe".'],
    ])
  })

  test('refuses unlike instructions, names their rows, and says what can be done', () => {
    const given = [
      { sys: 'do it', text: 'a', label: 'x' },
      { sys: 'do it ', text: 'b', label: 'y' },
      { sys: 'do that', text: 'c', label: 'x' },
    ]
    const { file, problems } = importTask(mapping({ systemField: 'sys' }), sourceOf('a.jsonl', lines(given)))
    expect(file).toBeNull()
    expect(problems).toMatchObject([{ code: 'instructions-differ', severity: 'error', where: { field: 'sys', value: '"do that"' } }])
    expect(problems[0]?.message).toBe('A task has one instruction. Another one than line 1 have: line 3.')
    expect(problems[0]?.hint).toContain('Make "sys" one of the inputs')
    expect(importTask(mapping({ systemField: 'sys' }), sourceOf('a.jsonl', lines(given.slice(0, 2)))).file?.instruction).toBe('do it')
  })

  test('leaves rows without answer or input out and says which; none left is refused', () => {
    const given = [
      { text: 'a', label: 'x' },
      { text: 'b', label: ' ' },
      { text: '', label: 'y' },
    ]
    const { file, examples, problems } = importTask(mapping(), sourceOf('a.jsonl', lines(given)))
    expect(file?.id).toBe('mood')
    expect(examples.train).toHaveLength(1)
    expect(problems.map(({ code, severity, message }) => [code, severity, message.split(': ')[1]])).toEqual([
      ['answer-empty', 'warning', 'line 2.'],
      ['example-not-readable', 'warning', 'line 3.'],
    ])
    expect(importTask(mapping(), sourceOf('a.jsonl', lines(given.slice(1)))).problems.map(({ code }) => code)).toContain('split-empty')
  })

  test('with a choice takes the labels from the answers, and refuses fewer than two', () => {
    const choice = { answer: 'choice', metric: 'choice_accuracy', labelNames: { Positive: 'positive' } } as const
    expect(importTask(mapping(choice), source()).file?.labels).toEqual(['negative', 'positive'])
    const one = importTask(mapping(choice), sourceOf('a.jsonl', lines(rows.slice(2, 4))))
    expect(one.file).toBeNull()
    expect(one.problems[0]).toMatchObject({ code: 'mapping-invalid', where: { field: 'answer' } })
  })

  test('refuses fields that the file lacks or that are used twice, and a choice of long answers', () => {
    const found = (given: Partial<TaskMapping>) =>
      importTask(mapping(given), source()).problems.map(({ code, where, hint }) => `${code} ${where?.field}: ${hint}`)
    expect(found({ inputs: ['txt'] })).toEqual(['mapping-invalid inputs: Did you mean "text"? Allowed: text, label.'])
    expect(found({ target: 'text' })).toHaveLength(1)
    expect(found({ systemField: 'label' })).toHaveLength(1)
    expect(found({ answer: 'long', metric: 'choice_accuracy' })[0]).toMatch(/^mapping-invalid metric/)
  })
})

test('a draft of a mapping is checked by its fields', () => {
  expect(parseMapping(mapping())).toEqual(mapping())
  const problems = parseMapping({ ...mapping(), id: 'a b', split: { seed: -1, train: 1, validation: 1, test: null, field: null } })
  expect(Array.isArray(problems) && problems.map((problem: Problem) => [problem.code, problem.where?.field])).toEqual([
    ['mapping-invalid', 'id'],
    ['mapping-invalid', 'split.seed'],
  ])
})
