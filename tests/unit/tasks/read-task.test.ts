import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseTask } from '../../../src-main/tasks/parse-task.ts'
import { findTaskFiles, readTask } from '../../../src-main/tasks/read-task.ts'
import { demoKit } from '../../helpers/demo.ts'
import { folderWith } from './checkpoint.ts'

const rows = (...list: readonly object[]) => `${list.map((row) => JSON.stringify(row)).join('\n')}\n`
const whole = {
  ...{ id: 'mood', version: 3, title: 'Mood', instruction: 'positive or negative', inputs: ['review'], target: 'label', answer: 'choice' },
  ...{ labels: ['negative', 'positive'], metric: 'choice_accuracy', maxNewTokens: 5, split: { seed: 9 }, source: 'made up' },
}

function read(files: Readonly<Record<string, unknown>>, name = 'mood') {
  return readTask(join(folderWith(files), `${name}.task.json`))
}

describe('a task file', () => {
  test('that is whole is taken as it is, with the examples beside it', () => {
    const found = read({
      'mood.task.json': whole,
      'mood.train.jsonl': `\ufeff${rows({ review: 'nice', label: 'positive', id: 'n1' }, { review: 'bad', label: 'negative', id: 2 })}`,
      'mood.test.jsonl': '{"review": "fine", "label": "positive"}',
    })
    expect(found).toEqual({
      file: whole,
      examples: {
        train: [
          { id: 'n1', inputs: { review: 'nice' }, answer: 'positive' },
          { id: '2', inputs: { review: 'bad' }, answer: 'negative' },
        ],
        validation: [],
        test: [{ id: expect.stringMatching(/^[0-9a-f]{16}$/) as string, inputs: { review: 'fine' }, answer: 'positive' }],
      },
      problems: [],
    })
  })

  test('that leaves fields out gets them filled in, and it is said which', () => {
    const found = read(
      { 'mood_of-day.task.json': { instruction: 'say it', labels: null }, 'mood_of-day.test.jsonl': rows({ input: 1, answer: true }) },
      'mood_of-day',
    )
    expect(found.file).toEqual({
      ...{
        id: 'mood_of-day',
        version: 1,
        title: 'Mood of day',
        instruction: 'say it',
        inputs: ['input'],
        target: 'answer',
        answer: 'short',
      },
      ...{ metric: 'exact_match', maxNewTokens: 30, split: { seed: 1 } },
    })
    expect('examples' in found && found.examples.test[0]).toMatchObject({ inputs: { input: '1' }, answer: 'true' })
    expect(found.problems.map(({ code, severity, where }) => [code, severity, where?.field])).toEqual([
      ['task-defaulted', 'warning', 'id, version, title, inputs, target, answer, metric, maxNewTokens, split'],
    ])
  })

  test('takes defaults that go with its kind of answer, and its labels from the answers', () => {
    expect(parseTask({ answer: 'long' }, 'a', 'a').file).toMatchObject({ metric: 'rouge_l', maxNewTokens: 500 })
    const choice = read({
      'mood.task.json': { answer: 'choice' },
      'mood.test.jsonl': rows({ input: 'a', answer: 'no' }, { input: 'b', answer: 'but' }, { input: 'c', answer: 'no' }),
    })
    expect(choice.file).toMatchObject({ metric: 'choice_accuracy', labels: ['but', 'no'] })
    expect(choice.problems[0]?.where?.field).toMatch(/labels$/)
  })

  test.each([
    ['a list', [], undefined],
    ['an unknown metric', { metric: 'exact_mach' }, 'Did you mean "exact_match"?'],
    ['an unknown kind of answer', { answer: 'shorts' }, 'Did you mean "short"?'],
    ['an id that is a path', { id: '../mood' }, 'An id has letters'],
    ['inputs that are a text', { inputs: 'input' }, 'Expected Array'],
    ['no inputs', { inputs: [] }, 'Expected'],
    ['the answer among the inputs', { inputs: ['answer'] }, 'Take it out of inputs'],
    ['an input named twice', { inputs: ['a', 'a'] }, 'once'],
    ['too many new tokens', { maxNewTokens: 1e6 }, 'Expected <=4096'],
    ['a seed that is no whole number', { split: { seed: 1.5 } }, 'Use 1'],
    ['an empty label', { labels: ['a', ' '] }, 'Correct the list'],
    ['a version that is none', { version: 0 }, '1, 2, 3'],
  ])('with %s is refused', (_what, value, hint) => {
    const { file, problems } = parseTask(value, 'mood', '/tasks/mood.task.json')
    expect(file).toBeNull()
    expect(problems.map(({ code }) => code)).toEqual(['task-not-readable'])
    expect(problems[0]).toMatchObject({ where: { path: '/tasks/mood.task.json' } })
    if (hint !== undefined) expect(problems[0]?.hint).toContain(hint)
  })

  test.each([
    ['is not JSON', '{"input": "a", "answer": "b"}\nno\n', 'example-not-readable', 'line 2'],
    ['is no object', '\n[1]\n', 'example-not-readable', 'line 2'],
    ['lacks its input', rows({ input: 'a', answer: 'b' }, { inputs: 'a', answer: 'b' }), 'example-not-readable', 'line 2'],
    ['lacks its answer', rows({ input: 'a' }), 'example-not-readable', 'line 1'],
    ['has a list as its input', rows({ input: ['a'], answer: 'b' }), 'example-not-readable', 'line 1'],
    ['has an empty answer', rows({ input: 'a', answer: ' ' }), 'answer-empty', 'line 1'],
  ])('with a row that %s is refused, and the line is named', (_what, text, code, line) => {
    const { file, problems } = read({ 'mood.task.json': {}, 'mood.train.jsonl': text })
    expect(file).toBeNull()
    expect(problems.map((problem) => [problem.code, problem.where?.field])).toEqual([[code, line]])
    expect(problems[0]?.where?.path).toMatch(/mood\.train\.jsonl$/)
  })

  test('with many bad rows names the first twenty and counts the rest', () => {
    const { problems } = read({ 'mood.task.json': {}, 'mood.train.jsonl': 'no\n'.repeat(50) })
    expect(problems).toHaveLength(21)
    expect(problems.at(-1)?.message).toContain('29 more')
  })

  test('that is missing, not JSON, not UTF-8 or without examples is refused', () => {
    expect(read({}).problems.map(({ code }) => code)).toEqual(['task-not-readable'])
    expect(read({ 'mood.task.json': '{' }).problems.map(({ code }) => code)).toEqual(['task-not-readable'])
    expect(read({ 'mood.task.json': '{}' }).problems.map(({ code }) => code)).toEqual(['split-empty'])
  })
})

describe('finding tasks', () => {
  test('takes a file, a folder in the order of names, or the folder "tasks" in it', () => {
    const folder = folderWith({ 'b.task.json': {}, 'a.task.json': {}, 'a.train.jsonl': '', 'other.json': {} })
    expect(findTaskFiles(folder)).toEqual([join(folder, 'a.task.json'), join(folder, 'b.task.json')])
    expect(findTaskFiles(join(folder, 'b.task.json'))).toEqual([join(folder, 'b.task.json')])
    expect(findTaskFiles(demoKit)).toContain(join(demoKit, 'tasks', 'sentiment.task.json'))
  })

  test('says what it looked for where there is none', () => {
    const folder = folderWith({ 'a.train.jsonl': '' })
    const code = (path: string) => {
      const found = findTaskFiles(path)
      return 'code' in found ? found.code : 'found'
    }
    expect([folder, join(folder, 'a.train.jsonl'), join(folder, 'gone')].map(code)).toEqual([
      'task-missing',
      'task-missing',
      'task-not-readable',
    ])
  })
})
