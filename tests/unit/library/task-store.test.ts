import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { splits, type TaskFile } from '../../../src-main/contract/task.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { demoKit } from '../../helpers/demo.ts'
import { temporaryFolder } from './support.ts'

const noon = new Date('2026-11-22T12:00:00.000Z')

function open(folder = temporaryFolder()): { readonly folder: string; readonly library: Library } {
  const library = openLibrary({ folder: join(folder, 'library'), log: silentLog, now: () => noon })
  onTestFinished(() => library.close())
  return { folder, library }
}

function writeTask(folder: string, id: string, task: object, rows: Partial<Record<(typeof splits)[number], readonly object[]>>): string {
  for (const split of splits)
    writeFileSync(join(folder, `${id}.${split}.jsonl`), (rows[split] ?? []).map((row) => `${JSON.stringify(row)}\n`).join(''))
  writeFileSync(join(folder, `${id}.task.json`), JSON.stringify(task))
  return join(folder, `${id}.task.json`)
}

const rows = {
  train: [
    { input: 'hot', answer: 'cold' },
    { input: 'up', answer: 'down' },
    { input: 'hot', answer: 'cold' },
  ],
  test: [
    { input: 'up', answer: 'down' },
    { input: 'big', answer: 'small' },
  ],
}

const file: TaskFile = {
  ...{
    id: 'made',
    version: 1,
    title: 'Made',
    instruction: 'say it',
    inputs: ['input'],
    target: 'answer',
    answer: 'short',
    metric: 'exact_match',
  },
  ...{ maxNewTokens: 30, split: { seed: 1 } },
}
const examples = {
  train: [{ id: 'a', inputs: { input: 'hot' }, answer: 'cold' }],
  validation: [],
  test: [{ id: 'b', inputs: { input: 'up' }, answer: 'down' }],
}

describe('adding', () => {
  test('all tasks of the demo kit, whose counts are those of their files', async () => {
    const { library } = open()
    const names = readdirSync(join(demoKit, 'tasks')).filter((name) => name.endsWith('.task.json'))
    const { ids, problems } = await library.tasks.add(join(demoKit, 'tasks'))
    expect(ids).toEqual(names.map((name) => name.slice(0, -'.task.json'.length)).sort())
    expect(new Set(problems.map(({ code, severity }) => `${severity} ${code}`))).toEqual(new Set(['warning task-defaulted']))
    for (const name of names) {
      const kit = JSON.parse(readFileSync(join(demoKit, 'tasks', name), 'utf8')) as { id: string; counts: object; instruction: string }
      expect(library.tasks.get(kit.id)).toMatchObject({
        counts: kit.counts,
        instruction: kit.instruction,
        duplicates: 0,
        leaks: 0,
        version: 1,
      })
    }
  })

  test('copies the files, so that the source may go', async () => {
    const { folder, library } = open()
    await library.tasks.add(writeTask(folder, 'opposite', { instruction: 'say the opposite' }, rows))
    rmSync(join(folder, 'opposite.task.json'))
    rmSync(join(folder, 'opposite.train.jsonl'))
    const task = library.tasks.get('opposite')
    expect(task).toMatchObject({ counts: { train: 3, validation: 0, test: 2 }, duplicates: 1, leaks: 1, addedAt: noon.toISOString() })
    expect(task?.problems.map(({ code }) => code)).toEqual(['task-defaulted', 'examples-repeated', 'examples-leaked', 'split-empty'])
    const train = library.tasks.examples('opposite', 'train')
    expect(train.map(({ inputs, answer }) => [inputs['input'], answer])).toEqual([['hot', 'cold'], ['up', 'down'], ['hot', 'cold']]) // prettier-ignore
    expect(train[2]?.id).toBe(`${train[0]?.id}-2`)
    expect(library.tasks.examples('opposite', 'test')[0]?.id).toBe(train[1]?.id)
    const [version] = readdirSync(join(folder, 'library/tasks/opposite'))
    expect(readdirSync(join(folder, 'library/tasks/opposite', version ?? '')).sort()).toEqual([
      'task.json',
      'test.jsonl',
      'train.jsonl',
      'validation.jsonl',
    ])
  })

  test('the same twice changes nothing; another content is the next version', async () => {
    const { folder, library } = open()
    const path = writeTask(folder, 'opposite', { instruction: 'say the opposite' }, rows)
    await library.tasks.add(path)
    const first = library.tasks.get('opposite')
    expect((await library.tasks.add(path)).ids).toEqual(['opposite'])
    expect(library.tasks.get('opposite')).toEqual(first)
    writeTask(folder, 'opposite', { instruction: 'say the reverse' }, rows)
    const again = await library.tasks.add(path)
    expect(again.ids).toEqual(['opposite'])
    expect(again.problems[0]).toMatchObject({ code: 'task-exists', severity: 'warning' })
    const second = library.tasks.get('opposite')
    expect(second).toMatchObject({ version: 2, instruction: 'say the reverse' })
    expect(second?.hash).not.toBe(first?.hash)
    expect(library.tasks.list()).toHaveLength(1)
  })

  test('a folder adds the good ones and names what is wrong with the others', async () => {
    const { folder, library } = open()
    writeTask(folder, 'good', {}, rows)
    writeTask(folder, 'bad', { metric: 'luck' }, rows)
    writeTask(folder, 'worse', {}, { test: [{ input: 'a' }] })
    const { ids, problems } = await library.tasks.add(folder)
    expect(ids).toEqual(['good'])
    const errors = problems.filter(({ severity }) => severity === 'error')
    expect(errors.map(({ code, where }) => [code, where?.path])).toEqual([
      ['task-not-readable', join(folder, 'bad.task.json')],
      ['example-not-readable', join(folder, 'worse.test.jsonl')],
    ])
  })

  test('an imported task under a name that is taken is refused, whatever its capitals', async () => {
    const { library } = open()
    expect(await library.tasks.addImported(file, examples)).toMatchObject({ id: 'made' })
    expect(await library.tasks.addImported({ ...file, id: 'Made' }, examples)).toMatchObject({
      id: null,
      problems: [{ code: 'task-exists' }],
    })
    expect(library.tasks.get('Made')).toBeNull()
    expect(library.tasks.examples('made', 'test')).toEqual(examples.test)
  })
})

describe('a task of the library', () => {
  test('is the same after the library was closed', async () => {
    const { folder, library } = open()
    await library.tasks.addImported(file, examples)
    const again = open(folder).library
    expect(again.tasks.list()).toEqual(library.tasks.list())
    expect(again.tasks.file('made')).toEqual(file)
    expect(again.tasks.labelled('made', 'train+validation', null)).toEqual({ examples: examples.train, problems: [] })
  })

  test('has a hash of what results depend on: not of its title, but of instruction and examples', async () => {
    const { library } = open()
    const hashes: string[] = []
    const note = (): void => void hashes.push(library.tasks.get('made')?.hash ?? '')
    await library.tasks.addImported(file, examples)
    note()
    await library.tasks.edit('made', { title: 'Another title' })
    note()
    await library.tasks.edit('made', { instruction: 'say it again' })
    note()
    await library.tasks.edit('made', { instruction: 'say it' })
    note()
    expect(hashes[1]).toBe(hashes[0])
    expect(hashes[2]).not.toBe(hashes[0])
    expect(hashes[3]).toBe(hashes[0])
    expect(library.tasks.get('made')).toMatchObject({ version: 4, title: 'Another title' })
    expect(await library.tasks.edit('made', { instruction: 'say it' })).toEqual([])
    expect(library.tasks.get('made')?.version).toBe(4)
  })

  test('that becomes a choice gets its labels and needs two of them; new tokens follow the kind unless they were set', async () => {
    const { library } = open()
    await library.tasks.addImported(file, examples)
    expect(await library.tasks.edit('made', { answer: 'choice', metric: 'choice_accuracy' })).toEqual([])
    expect(library.tasks.file('made')).toMatchObject({ labels: ['cold', 'down'], maxNewTokens: 30 })
    await library.tasks.edit('made', { answer: 'long', metric: 'rouge_l' })
    expect(library.tasks.file('made').maxNewTokens).toBe(500)
    await library.tasks.addImported({ ...file, id: 'one' }, { ...examples, test: [] })
    expect((await library.tasks.edit('one', { answer: 'choice' })).map(({ code }) => code)).toEqual(['mapping-invalid'])
    expect(library.tasks.file('one').answer).toBe('short')
  })

  test('is dealt out anew by seed, into splits that share nothing', async () => {
    const { folder, library } = open()
    const many = Array.from({ length: 50 }, (_, index) => ({ input: `q${index % 40}`, answer: `a${index % 3}` }))
    await library.tasks.add(writeTask(folder, 'many', {}, { train: many.slice(0, 30), test: many.slice(20) }))
    expect(library.tasks.get('many')?.leaks).toBeGreaterThan(0)
    await library.tasks.deal('many', { seed: 4, train: 20, validation: 10 })
    const task = library.tasks.get('many')
    expect(task).toMatchObject({ version: 2, leaks: 0, split: { seed: 4 } })
    expect(splits.reduce((sum, split) => sum + (task?.counts[split] ?? 0), 0)).toBe(60)
    expect(task?.counts.train).toBeGreaterThanOrEqual(20)
    const labelled = library.tasks.labelled('many', 'train+validation', null).examples.map(({ id }) => id)
    expect(new Set(labelled).size).toBe(labelled.length)
  })

  test('that is removed is gone with its files; an unknown one is named', async () => {
    const { folder, library } = open()
    await library.tasks.addImported(file, examples)
    expect(library.tasks.remove('mode')).toMatchObject([{ code: 'task-unknown', hint: 'Did you mean "made"?' }])
    expect(library.tasks.remove('made')).toEqual([])
    expect(library.tasks.list()).toEqual([])
    expect(existsSync(join(folder, 'library/tasks/made'))).toBe(false)
    expect(() => library.tasks.file('made')).toThrow(Refusal)
  })

  test('whose files were damaged is refused when it is read, and can be removed', async () => {
    const { folder, library } = open()
    await library.tasks.addImported(file, examples)
    const [version] = readdirSync(join(folder, 'library/tasks/made'))
    writeFileSync(join(folder, 'library/tasks/made', version ?? '', 'test.jsonl'), '{"id": 7}\n')
    expect(() => library.tasks.examples('made', 'test')).toThrow(/cannot be read/)
    expect(library.tasks.examples('made', 'train')).toEqual(examples.train)
    expect(library.tasks.remove('made')).toEqual([])
  })

  test('from a folder that was copied with the library is found there', async () => {
    const { folder, library } = open()
    await library.tasks.addImported(file, examples)
    library.close()
    const elsewhere = temporaryFolder()
    cpSync(join(folder, 'library'), join(elsewhere, 'library'), { recursive: true })
    rmSync(join(folder, 'library'), { recursive: true })
    expect(open(elsewhere).library.tasks.examples('made', 'train')).toEqual(examples.train)
  })
})
