import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ImportItem } from '../../../src-main/contract/import-report.ts'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import type { MergeServices } from '../../../src-main/jobs/merge.ts'
import { makeOutputFolder } from '../../../src-main/jobs/output-folder.ts'
import { readPeftAdapter } from '../../helpers/peft.ts'
import { openBench, removeBench, type Bench } from './bench.ts'

// Every way in which a merge ends early leaves nothing behind.

let bench: Bench
let first: Bench
beforeEach(async () => {
  first = openBench()
  await first.add('a', { r: 4, seed: 1 })
  await first.close()
  bench = first
})
afterEach(async () => {
  if (bench !== first) await bench.close()
  removeBench(bench)
})

const recipe = { method: 'concat', adapters: [{ adapter: 'a' }], output: { name: 'stopped' } }
const left = (): string[] => (existsSync(bench.outputs) ? readdirSync(bench.outputs) : [])
function reopen(change: Partial<MergeServices> = {}): Bench {
  bench = openBench(change, first.folder)
  return bench
}
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
const devices = () => createEngine({ threads: 1 }).devices()

test('cancelled while the core merges: stopping, cancelled within 200 ms, no folder, no row', async () => {
  // The folder is there a moment before the core is asked: stopped in between, nothing would be left to stop.
  let merging = false
  reopen({
    engine: {
      devices,
      merge: (_job, outFile, { signal } = {}) =>
        new Promise((_resolve, reject) => {
          writeFileSync(outFile, 'half a file')
          merging = true
          signal?.addEventListener('abort', () => reject(new Refusal([errorProblem('cancelled', 'The work was cancelled.')])))
        }),
    },
  })
  const { jobId } = bench.queue.start('merge', { recipe })
  await until(() => merging)
  expect(left()).toEqual([`.stopped.${jobId!.slice(0, 8)}.partial`])
  const asked = performance.now()
  bench.queue.cancel(jobId!)
  expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'cancelled', problems: [] })
  expect(performance.now() - asked).toBeLessThan(200)
  expect(left()).toEqual([])
  expect(bench.library.adapters.facets().total).toBe(1)
})

test('cancelled while the result is imported: the folder goes at once, the row when the import has ended', async () => {
  let finish: (item: ImportItem) => void = () => undefined
  const forgotten: string[][] = []
  const services: Partial<MergeServices> = {
    importFolder: (path) => new Promise((resolve) => (finish = (item) => resolve({ ...item, path }))),
    adapters: {
      find: (reference, relativeTo) => bench.library.adapters.find(reference, relativeTo),
      get: (id) => bench.library.adapters.get(id),
      remove: (ids) => forgotten.push([...ids]),
    },
  }
  reopen(services)
  const { jobId } = bench.queue.start('merge', { recipe })
  await until(() => left().includes('stopped'))
  await until(() => bench.queue.list()[0]?.progress?.stage === 'importing')
  const asked = performance.now()
  bench.queue.cancel(jobId!)
  expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'cancelled' })
  expect(performance.now() - asked).toBeLessThan(200)
  expect(left()).toEqual([])
  finish({ path: '', id: 'late', status: 'imported', variant: 'plain', problems: [] })
  await until(() => forgotten.length > 0)
  expect(forgotten).toEqual([['late']])
})

test('a result that the library refuses fails the job, and neither folder nor row stays', async () => {
  const problem = errorProblem('not-finite', 'The update holds infinite values.')
  const forgotten: string[][] = []
  reopen({
    importFolder: async (path) => ({ path, id: 'refused-row', status: 'refused', variant: 'plain', problems: [problem] }),
    adapters: {
      find: (reference, relativeTo) => bench.library.adapters.find(reference, relativeTo),
      get: (id) => bench.library.adapters.get(id),
      remove: (ids) => forgotten.push([...ids]),
    },
  })
  expect(await bench.merge(recipe)).toMatchObject({ state: 'failed', problems: [problem] })
  expect(left()).toEqual([])
  expect(forgotten).toEqual([['refused-row']])
})

test('a defect while describing the result leaves nothing either', async () => {
  let described = false
  reopen({
    engine: {
      merge: createEngine({ threads: 1 }).merge,
      devices() {
        described = true
        throw new TypeError('a defect')
      },
    },
  })
  expect(await bench.merge(recipe)).toMatchObject({ state: 'failed', problems: [{ code: 'internal' }] })
  expect(described).toBe(true)
  expect(left()).toEqual([])
})

test('too little space is found before anything is written', async () => {
  const target = join(bench.folder, 'large')
  const error = await makeOutputFolder(target, 'job', 2 ** 60).then(() => undefined, (reason: unknown) => reason) // prettier-ignore
  expect(error).toBeInstanceOf(Refusal)
  expect((error as Refusal).problems).toMatchObject([{ code: 'disk-full', where: { path: bench.folder } }])
  expect(readdirSync(bench.folder)).not.toContain('large')
})

test('a process killed in mid-merge leaves an interrupted job that can be run again, and nothing partial', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'killed-child.ts'), first.folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(left()).toHaveLength(1)
  reopen()
  const [killed, queued] = bench.queue.list()
  expect([killed?.state, queued?.state]).toEqual(['running', 'queued'])
  await bench.queue.open()
  expect(bench.queue.list()[0]?.state).toBe('interrupted')
  expect(left().filter((name) => name.endsWith('.partial') && name.includes(killed!.id.slice(0, 8)))).toEqual([])
  // What was queued runs by itself, what was interrupted runs when asked.
  expect(await bench.queue.whenEnded(queued!.id)).toMatchObject({ state: 'done' })
  const again = bench.queue.runAgain(killed!.id)
  expect(await bench.queue.whenEnded(again.jobId!)).toMatchObject({ state: 'done' })
  expect(left().sort()).toEqual(['killed', 'killed-2'])
  expect([...readPeftAdapter(join(bench.outputs, 'killed')).values()]).toHaveLength(14)
})
