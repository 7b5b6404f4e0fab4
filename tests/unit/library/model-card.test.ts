import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { maxCardBytes, parseModelCard } from '../../../src-main/library/model-card.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { openBench } from './support.ts'

describe('the licence', () => {
  test.each<[string, string | null]>([
    ['license: mit', 'mit'],
    ['license: mit # as the base', 'mit'],
    ['license: "apache-2.0"', 'apache-2.0'],
    ['licence: gpl-3.0', 'gpl-3.0'],
    ['license:\n- mit\n- apache-2.0', 'mit, apache-2.0'],
    ['license: [mit, "cc-by-4.0"]', 'mit, cc-by-4.0'],
    ['license: other\nlicense_name: llama3.1\nlicense_link: https://example.org/llama', 'other: llama3.1, https://example.org/llama'],
    ['license: other', 'other'],
    ['license: mit\nlicense_name: not looked at', 'mit'],
    ['license: no', 'no'],
    ['license: 1.0', '1.0'],
    ['license: null', null],
    ['license: ~', null],
    ['license:', null],
    ['license: {a: b}', null],
    ['license: >\n  folded\n  text', 'folded text'],
    ['metadata:\n  license: mit', null],
    ['x: [unclosed\nlicense: mit', 'mit'],
    ['license: mit\nx: "unclosed', 'mit'],
    ['license: "unclosed', null],
    ['x: &anchor gpl\nlicense: *anchor', null],
    ['license: &a [*a, *a]', null],
    ['license: <img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['license: !!js/function "function () {}"', 'function () {}'],
    ['__proto__: mit\nconstructor: mit', null],
  ])('%j is %j', (matter, licence) => {
    expect(parseModelCard(`---\n${matter}\n---\n# Title\nlicense: none of it`).licence).toBe(licence)
  })
})

test('base model and tags are hints in plain text', () => {
  const card = '---\nbase_model:\n  - org/one\n  - org/two\ntags:\n- lora\n- "a: b"\n- <b>bold</b>\n- 7\n-\n---'
  expect(parseModelCard(card)).toEqual({ licence: null, baseModelName: 'org/one', tags: ['lora', 'a: b', '<b>bold</b>', '7'] })
})

test('values are cut and counted', () => {
  const tags = Array.from({ length: 400 }, (_, index) => `- tag ${index}`).join('\n')
  const card = parseModelCard(`---\nlicense: ${'x'.repeat(5000)}\ntags:\n${tags}\n---`)
  expect([card.licence?.length, card.tags.length, card.tags[0]]).toEqual([200, 50, 'tag 0'])
})

test('front matter longer than what is read is read as far as it goes', () => {
  const metrics = Array.from({ length: 3000 }, (_, index) => `    - type: metric-${index}`).join('\n')
  const text = `---\nlicense: mit\nmodel-index:\n${metrics}\nbase_model: org/far\n---`.slice(0, maxCardBytes)
  expect(parseModelCard(text)).toEqual({ licence: 'mit', baseModelName: null, tags: [] })
})

test.each(['', '---', '--- not a line\nlicense: mit\n---', 'text\n---\nlicense: mit\n---', '\u0000'])('%j has no front matter', (text) => {
  expect(parseModelCard(text)).toEqual({ licence: null, baseModelName: null, tags: [] })
})

test('many anchors and aliases take no time', () => {
  const bomb = Array.from({ length: 25 }, (_, level) => `  a${level}: &a${level} [${`*a${level - 1},`.repeat(level > 0 ? 9 : 0)} x]`).join(
    '\n',
  )
  const started = performance.now()
  expect(parseModelCard(`---\nlicense: mit\ntags:\n${bomb}\n---`)).toEqual({ licence: 'mit', baseModelName: null, tags: [] })
  expect(performance.now() - started).toBeLessThan(1000)
})

test('the detail shows what the card says, as it stands there, apart from the tags of the library', async () => {
  const bench = openBench()
  const folder = makeAdapter(join(bench.folder, 'a'), { config: { base_model_name_or_path: null } })
  writeFileSync(join(folder, 'README.md'), '---\nlicense: [mit, "<b>x</b>"]\nbase_model: org/base\ntags: [lora, "<i>y</i>"]\n---\n')
  const { items } = await bench.take(folder)
  expect(bench.library.adapters.get(items[0]?.id ?? '')).toMatchObject({
    ...{ licence: 'mit, <b>x</b>', baseModelName: 'org/base', cardTags: ['lora', '<i>y</i>'], tags: [] },
  })
})
