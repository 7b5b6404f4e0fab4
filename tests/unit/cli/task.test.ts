import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Task } from '../../../src-main/contract/task.ts'
import { demoKit } from '../../helpers/demo.ts'
import { runCli, scratch } from './run-cli.ts'

test('task: adds a folder, lists, shows, splits anew and removes', async () => {
  const library = join(scratch(), 'library')
  const task = (...words: string[]) => runCli(['task', ...words, '--library', library, '--json'])
  const added = await task('add', join(demoKit, 'tasks', 'opposite.task.json'))
  expect([added.code, added.json<{ ids: string[] }>().ids]).toEqual([0, ['opposite']])
  const [listed] = (await task('ls')).json<Task[]>()
  const shown = await task('show', 'opposite', '--split', 'train', '--limit', '2')
  expect(shown.json()).toMatchObject({ task: { id: 'opposite', version: 1, counts: listed?.counts }, split: 'train' })
  expect(shown.json<{ examples: unknown[] }>().examples).toHaveLength(2)
  const split = await task('split', 'opposite', '--seed', '8', '--train', '5', '--validation', '3')
  expect([split.code, split.json<{ task: Task }>().task]).toMatchObject([
    0,
    { version: 2, leaks: 0, split: { seed: 8 }, counts: { train: 5, validation: 3 } },
  ])
  expect((await task('remove', 'opposite')).code).toBe(0)
  expect((await task('ls')).json()).toEqual([])
  expect((await task('show', 'opposite')).code).toBe(1)
})

test('task import: takes a file as it suggests itself, with what the options say in its place', async () => {
  const folder = scratch()
  const file = join(folder, 'moods.csv')
  writeFileSync(file, 'text;mood;part\nnice;Good;train\nbad;poor;test\nfine;good;train\nugh;poor;test\nok;good;test\nmeh;poor;test\n')
  const words = ['task', 'import', file, '--library', join(folder, 'library'), '--json']
  const preview = await runCli([...words, '--target', 'mood', '--input', 'text', '--label', 'Good=good', '--preview'])
  expect([preview.code, preview.json()]).toMatchObject([
    0,
    { counts: { train: 2, validation: 0, test: 4 }, mapping: { split: { field: null } } },
  ])
  const made = await runCli([
    ...words,
    '--target',
    'mood',
    '--input',
    'text',
    '--label',
    'Good=good',
    '--split-field',
    'part',
    '--answer',
    'choice',
    '--instruction',
    'mood?',
    '--id',
    'm',
  ])
  expect([made.code, made.json()]).toMatchObject([
    0,
    {
      id: 'm',
      task: { counts: { train: 2, validation: 0, test: 4 }, labels: ['good', 'poor'], metric: 'choice_accuracy', instruction: 'mood?' },
    },
  ])
  const twice = await runCli([...words, '--target', 'mood', '--id', 'm'])
  expect([twice.code, twice.json<{ problems: { code: string }[] }>().problems.map(({ code }) => code)]).toEqual([1, ['task-exists']])
})

test('task: wrong use is answered with what is right', async () => {
  const code = async (...words: string[]) => (await runCli(['task', ...words, '--library', join(scratch(), 'library')])).code
  expect(await code('ad')).toBe(2)
  expect(await code('split', 'x')).toBe(2)
  expect(await code('show', 'x', '--limit', 'many')).toBe(2)
  expect(await code('add', '/nowhere')).toBe(1)
})
