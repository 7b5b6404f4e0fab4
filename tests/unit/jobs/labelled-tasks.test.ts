import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { evaluateWithin } from '../../../src-main/jobs/adapt-measure.ts'
import { startAdaptations } from '../../../src-main/jobs/adapt-start.ts'
import { withoutTest, type LabelledTasks } from '../../../src-main/jobs/labelled-tasks.ts'
import type { TaskStore } from '../../../src-main/library/task-store.ts'
import { adapt, adaptInput, fillBench, openAdaptBench } from './adapt-bench.ts'
import { removeBench, type Bench } from './bench.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** How the test split could be named in code that learns. */
const forbidden = [/['"`]test['"`]/, /library\.tasks/, /\.examples\(/]
/** Everything that chooses, tunes, searches or trains. */
const learning = /^(adapt|tune|train|control|search|select|learn|make-sum|run-learning|shuffle|overlay)/
const sources = join(import.meta.dirname, '../../../src-main')

let bench: Bench
let baseId: string
let ids: string[]
beforeEach(async () => {
  bench = openAdaptBench({ learned: [], evaluated: [] })
  const filled = await fillBench(bench)
  baseId = filled.baseId
  ids = filled.ids
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

const splitOf = (error: unknown) => (error instanceof Refusal ? error.problems.map(({ code, where }) => [code, where?.value]) : error)

test('code that learns cannot ask for the test split: the compiler refuses it, and so does the view', () => {
  const tasks: LabelledTasks = withoutTest(bench.library.tasks)
  expect(tasks.labelled('reviews', 'train', null).examples).toHaveLength(12)
  expect(tasks.labelled('reviews', 'train+validation', null).examples).toHaveLength(16)
  expect(Object.keys(tasks).sort()).toEqual(['file', 'get', 'labelled'])
  let caught: unknown
  try {
    // @ts-expect-error: the split is not of the type
    tasks.labelled('reviews', 'test', null)
  } catch (error) {
    caught = error
  }
  expect(splitOf(caught)).toEqual([['split-not-allowed', 'test']])
})

test('nothing that learns names the test split', () => {
  const files = [
    ...readdirSync(join(sources, 'jobs'))
      .filter((name) => learning.test(name))
      .map((name) => join(sources, 'jobs', name)),
    ...['selection', 'search'].flatMap((folder) => readdirSync(join(sources, folder)).map((name) => join(sources, folder, name))),
  ]
  expect(files.length).toBeGreaterThan(30)
  const found = files.flatMap((file) =>
    forbidden.filter((pattern) => pattern.test(readFileSync(file, 'utf8'))).map((pattern) => [file, String(pattern)]),
  )
  expect(found).toEqual([])
})

test('tuning, training and controls run where the test examples cannot be read at all', async () => {
  let store: TaskStore = bench.library.tasks
  const spied: string[] = []
  const noting = (split: string): void => {
    spied.push(split)
    if (split === 'test') throw new Error('the test split was read')
  }
  const tasks = withoutTest({
    get: (id) => store.get(id),
    file: (id) => store.file(id),
    labelled(id, split, budget) {
      noting(split)
      return store.labelled(id, split, budget)
    },
  })
  const [version] = readdirSync(join(bench.folder, 'library', 'tasks', 'reviews'))
  rmSync(join(bench.folder, 'library', 'tasks', 'reviews', version!, 'test.jsonl'))
  await bench.close()
  bench = openAdaptBench({ learned: [], evaluated: [] }, bench.folder, { tasks })
  store = bench.library.tasks
  expect(() => store.examples('reviews', 'test')).toThrow(Refusal)
  const shared = { baseId, taskId: 'reviews' }
  const params = { selection: 'manual', steps: 5 }
  const jobs = [
    await adapt(bench, adaptInput({ ...shared, arm: 'tune', params })),
    await adapt(bench, adaptInput({ ...shared, arm: 'train', params: { rank: 2, steps: 5 } })),
    await adapt(bench, adaptInput({ ...shared, arm: 'tune', control: 'random_parameters', params })),
    await adapt(bench, adaptInput({ ...shared, arm: 'tune', control: 'zero_coefficients', params: { selection: 'manual' } })),
    await adapt(bench, adaptInput({ ...shared, arm: 'tune', control: 'own_alone', ownId: ids[0]! })),
  ]
  expect(jobs.map(({ job }) => job.state)).toEqual(['done', 'done', 'done', 'done', 'done'])
  expect(new Set(spied)).toEqual(new Set(['train', 'validation']))
})

test('requests that name the test split are refused', async () => {
  const input = adaptInput({ arm: 'tune', baseId, taskId: 'reviews', params: { selection: 'manual', split: 'test' } })
  expect(startAdaptations({ input, seeds: [], sweep: {} }, bench.adapt, bench.queue)).toMatchObject({
    jobIds: [],
    problems: [{ code: 'unknown-parameter', where: { field: 'params.split' } }],
  })
  const context = { jobId: 'none', signal: AbortSignal.timeout(10_000), report: () => undefined, note: () => undefined }
  const asked = { baseId, subjects: [{ kind: 'base' as const }], tasks: [{ taskId: 'reviews', split: 'test' as const }] }
  const caught: unknown = await evaluateWithin(asked, bench.adapt, context).catch((error: unknown) => error)
  expect(splitOf(caught)).toEqual([['split-not-allowed', 'test']])
})
