import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { RequestInput, RequestName, RequestOutput } from '../../../src-main/contract/bridge.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { createPathAccess } from '../../../src-main/host/path-access.ts'
import { createDispatch } from '../../../src-main/ipc/serve.ts'
import { createHandlers } from '../../../src-main/ipc/handlers.ts'
import type { HostPort } from '../../../src-main/ipc/host-port.ts'
import { openServices, type Services } from '../../../src-main/ipc/services.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { appPaths } from '../../../src-main/platform/paths.ts'
import { demoKit } from '../../helpers/demo.ts'
import { outcomeAt, runOn } from '../library/run-support.ts'
import { codes } from '../library/support.ts'

vi.setConfig({ testTimeout: 120_000 })

interface Opened {
  readonly services: Services
  /** A folder that the window may use. */
  readonly folder: string
  readonly heard: { readonly name: string; readonly payload: unknown }[]
  ask<K extends RequestName>(name: K, input: RequestInput<K>): Promise<RequestOutput<K>>
  refusal(name: RequestName, input: unknown): Promise<readonly Problem[]>
}

/** The app's requests with the demo kit as its resources. */
function open(host: Partial<HostPort> = {}): Opened {
  const root = mkdtempSync(join(tmpdir(), 'amalgam-bases-ipc-'))
  const folder = join(root, 'given')
  mkdirSync(folder)
  const paths = appPaths({ libraryFolder: join(root, 'library'), resources: join(root, 'resources'), renderer: root })
  cpSync(join(demoKit, 'base-model'), join(paths.resources, 'demo', 'base-model'), { recursive: true })
  const port: HostPort = {
    ...{ kind: 'web', version: '1', paths, access: createPathAccess([folder]), log: silentLog, clock: () => new Date() },
    ...{
      canPick: false,
      pickFolder: async () => null,
      pickFile: async () => null,
      pickAdapters: async () => [],
      reveal: async () => undefined,
    },
    preventSleep: () => () => undefined,
    ...host,
  }
  const heard: Opened['heard'] = []
  const services = openServices({ ...port, emit: (name, payload) => void heard.push({ name, payload }) })
  onTestFinished(async () => {
    await services.close()
    rmSync(root, { recursive: true, force: true })
  })
  const dispatch = createDispatch(createHandlers(services, port), silentLog)
  return {
    ...{ services, folder, heard },
    async ask(name, input) {
      const reply = await dispatch(name, input)
      if (!reply.ok) throw new Error(JSON.stringify(reply.problems))
      return reply.value as never
    },
    async refusal(name, input) {
      const reply = await dispatch(name, input)
      return reply.ok ? [] : reply.problems
    },
  }
}

test('the demo base model: added, renamed, removed', async () => {
  const { ask, refusal, heard, services } = open()
  const { id, problems } = await ask('bases.addDemo', {})
  expect(problems).toEqual([])
  await services.bases.settled(id!)
  expect(heard.filter(({ name }) => name === 'bases.changed').length).toBeGreaterThanOrEqual(2)
  expect(await ask('bases.list', {})).toMatchObject([
    { id, name: 'Demo model', status: 'ok', family: 'llama', template: 'own', adapters: 0, problems: [] },
  ])
  expect(await ask('bases.rename', { id: id!, name: 'Demo' })).toEqual({ problems: [] })
  expect((await ask('bases.list', {}))[0]!.name).toBe('Demo')
  expect(await ask('bases.matches', { id: id! })).toEqual({ fitting: [], others: [] })
  expect(await ask('bases.remove', { id: id! })).toEqual({ problems: [] })
  expect(await ask('bases.list', {})).toEqual([])
  expect(codes((await ask('bases.remove', { id: id! })).problems)).toEqual(['base-unknown'])
  expect(codes(await refusal('bases.matches', { id: id! }))).toEqual(['base-unknown'])
})

test('a window adds folders that it may use, and those a person picks', async () => {
  let picked: string | null = null
  const { ask, refusal, folder } = open({ pickFolder: async () => picked })
  cpSync(join(demoKit, 'base-model'), join(folder, 'model'), { recursive: true })
  expect(codes(await refusal('bases.add', { path: join(demoKit, 'base-model') }))).toEqual(['path-not-allowed'])
  expect(codes((await ask('bases.add', { path: folder })).problems)).toEqual(['checkpoint-missing'])
  expect(await ask('bases.pickAndAdd', {})).toEqual({ id: null, problems: [] })
  picked = join(folder, 'model')
  const { id } = await ask('bases.pickAndAdd', {})
  expect((await ask('bases.add', { path: picked })).id).toBe(id)
})

test('the folder of a known base model may be shown, others may not', async () => {
  const { ask, refusal, services } = open()
  await ask('bases.addDemo', {})
  expect(await ask('app.reveal', { path: services.demoBase })).toEqual({ problems: [] })
  expect(codes(await refusal('app.reveal', { path: join(services.demoBase, '..') }))).toEqual(['path-not-allowed'])
})

test('results, outcomes and their removal', async () => {
  const { ask, heard, services } = open()
  const { id: baseId } = await ask('bases.addDemo', {})
  const { runs } = services.library
  const begin = (subject: string, values: readonly boolean[]) => {
    const { id } = runs.begin(runOn(baseId!, 'colours', subject))
    runs.addOutcomes(id, values.map((value, position) => outcomeAt(position, value))) // prettier-ignore
    return id
  }
  const base = begin('base', [true, false, false, true])
  const adapter = begin('adapter:x@1', [true, true, false, false])
  const results = await ask('evaluate.results', { baseId: baseId!, split: null })
  // A task that is not in the library has its id for a title.
  expect(results.columns).toMatchObject([{ taskId: 'colours', title: 'colours' }])
  expect(results.rows[1]!.cells[0]).toMatchObject({ run: { id: adapter, value: 0.5 }, difference: { value: 0, n: 4 } })
  expect(await ask('evaluate.run', { id: base })).toMatchObject({ id: base, done: 4, value: 0.5 })
  expect(await ask('evaluate.run', { id: 'nobody' })).toBeNull()
  const page = await ask('evaluate.outcomes', { runId: adapter, other: base, filter: 'right-here-wrong-there', offset: 0, limit: 10 })
  expect(page).toMatchObject({ total: 1, rows: [{ here: { exampleId: 'e1', correct: true }, there: { exampleId: 'e1', correct: false } }] })
  heard.length = 0
  expect(codes((await ask('evaluate.remove', { runIds: [adapter, 'nobody'] })).problems)).toEqual(['run-unknown'])
  expect(heard).toEqual([{ name: 'runs.changed', payload: { baseId } }])
  expect((await ask('evaluate.results', { baseId: baseId!, split: null })).rows).toHaveLength(1)
})
