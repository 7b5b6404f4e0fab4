import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createFolderWatcher, type FolderWatcher } from '../../../src-main/library/watch-folders.ts'
import type { Log } from '../../../src-main/platform/log.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { openBench, type Bench } from './support.ts'

const settleMs = 60

interface Watching extends Bench {
  readonly watcher: FolderWatcher
  readonly inbox: string
  readonly warnings: string[]
  readonly starts: (readonly string[])[]
}

async function watching(prepare: (inbox: string) => void = () => undefined): Promise<Watching> {
  const bench = openBench()
  const inbox = join(bench.folder, 'inbox')
  mkdirSync(inbox)
  prepare(inbox)
  const warnings: string[] = []
  const starts: (readonly string[])[] = []
  const log: Log = { info: () => undefined, warn: (_message, fields) => warnings.push(JSON.stringify(fields)), error: (message) => warnings.push(message) } // prettier-ignore
  const importer = { ...bench.importer, start: (paths: readonly string[]) => (starts.push(paths), bench.importer.start(paths)) }
  const watcher = createFolderWatcher({ importer, log, emitChanged: () => undefined, settleMs })
  onTestFinished(() => watcher.close())
  await watcher.watch([inbox])
  return { ...bench, watcher, inbox, warnings, starts }
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 8000, interval: 20 })
/** Long enough for whatever was to come. */
const quiet = () => setTimeout(settleMs * 6)

test('an adapter that appears comes in by itself, and one that was there before too', async () => {
  const bench = await watching((inbox) => makeAdapter(join(inbox, 'before'), { seed: 1 }))
  await until(() => expect(bench.names()).toEqual(['before']))
  makeAdapter(join(bench.inbox, 'deep/er/after'), { seed: 2 })
  await until(() => expect(bench.names()).toEqual(['after', 'before']))
  // Known as it is: another look at it starts nothing.
  await bench.watcher.watch([])
  await bench.watcher.watch([bench.inbox])
  await quiet()
  expect(bench.starts).toEqual([[join(bench.inbox, 'before')], [join(bench.inbox, 'deep/er/after')]])
})

test('files that still grow are waited for', async () => {
  const bench = await watching()
  const elsewhere = makeAdapter(join(bench.folder, 'elsewhere'), { seed: 3 })
  const weights = readFileSync(join(elsewhere, 'adapter_model.safetensors'))
  const target = join(bench.inbox, 'slow')
  mkdirSync(target)
  writeFileSync(join(target, 'adapter_config.json'), readFileSync(join(elsewhere, 'adapter_config.json')))
  for (let part = 0; part < 8; part++) {
    appendFileSync(join(target, 'adapter_model.safetensors'), weights.subarray((part * weights.length) / 8, ((part + 1) * weights.length) / 8)) // prettier-ignore
    await setTimeout(settleMs / 2)
  }
  await until(() => expect(bench.names()).toEqual(['slow']))
  expect(bench.starts).toEqual([[target]])
  const report = await bench.importer.finished(bench.importer.lastReport()?.id ?? '')
  expect(report.counts).toMatchObject({ imported: 1, refused: 0 })
})

test('names of files in the making are passed over until they get their own', async () => {
  const bench = await watching()
  const making = makeAdapter(join(bench.inbox, '.mix.1234.partial'), { seed: 4 })
  mkdirSync(join(bench.inbox, 'half'))
  writeFileSync(join(bench.inbox, 'half/adapter_config.json'), '{}')
  await quiet()
  expect(bench.starts).toEqual([])
  renameSync(making, join(bench.inbox, 'mix'))
  await until(() => expect(bench.names()).toEqual(['mix']))
})

test('circles of links end', async () => {
  const bench = await watching((inbox) => {
    symlinkSync(inbox, join(inbox, 'circle'))
    makeAdapter(join(inbox, 'one'), { seed: 5 })
  })
  await until(() => expect(bench.names()).toEqual(['one']))
  makeAdapter(join(bench.inbox, 'two'), { seed: 6 })
  await until(() => expect(bench.names()).toEqual(['one', 'two']))
  expect(bench.watcher.state()).toEqual({ folders: [bench.inbox], problems: [] })
})

test('a folder that is not there is a problem and a warning, not the end', async () => {
  const bench = await watching()
  const gone = join(bench.folder, 'gone')
  await bench.watcher.watch([gone, bench.inbox])
  expect(bench.watcher.state().problems).toMatchObject([{ code: 'watch-failed', where: { path: gone } }])
  expect(bench.warnings).toHaveLength(1)
  makeAdapter(join(bench.inbox, 'all the same'), { seed: 7 })
  await until(() => expect(bench.names()).toEqual(['all the same']))
})

test('nothing comes in from a folder that is not watched any more, nor after closing', async () => {
  const bench = await watching()
  await bench.watcher.watch([])
  expect(bench.watcher.state()).toEqual({ folders: [], problems: [] })
  makeAdapter(join(bench.inbox, 'unwatched'), { seed: 8 })
  await quiet()
  await bench.watcher.watch([bench.inbox])
  await bench.watcher.close()
  rmSync(bench.inbox, { recursive: true })
  await quiet()
  expect(bench.starts).toEqual([])
})
