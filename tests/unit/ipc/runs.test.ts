import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Reply } from '../../../src-main/contract/bridge.ts'
import { bundleHandlers } from '../../../src-main/ipc/bundle-handlers.ts'
import { runListHandlers } from '../../../src-main/ipc/run-list-handlers.ts'
import { createDispatch, type Dispatch, type Handlers } from '../../../src-main/ipc/serve.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'
import { runOn, tinyBase } from '../library/run-support.ts'
import { addAdaptation, addPlan, cellResult } from '../plans/runs-bench.ts'

let opened: OpenedServices
let call: Dispatch
let picked: string | null
const emit = vi.fn()
const permitted = vi.fn((_paths: readonly string[]) => Promise.resolve())
beforeEach(() => {
  opened = openTestServices()
  picked = null
  emit.mockClear()
  permitted.mockClear()
  const services = { ...opened.services, emit }
  const host = { pickFile: () => Promise.resolve(picked) }
  call = createDispatch(
    { ...runListHandlers(services), ...bundleHandlers(services, host, (...paths) => permitted(paths)) } as Handlers,
    silentLog,
  )
})
afterEach(() => opened.close())

const valueOf = <T>(reply: Reply): T => {
  expect(reply).toMatchObject({ ok: true })
  return (reply as { readonly value: T }).value
}
const listed = async (archived = false) =>
  valueOf<{ readonly rows: readonly { readonly id: string; readonly pinned: boolean }[] }>(
    await call('runs.list', { offset: 0, limit: 10, archived }),
  ).rows

test('runs are archived and pinned, and whoever shows them hears of it', async () => {
  const { library } = opened.services
  const { id: baseId } = library.bases.add(tinyBase())
  const { id: runId } = library.runs.begin(runOn(baseId, 'reviews'))
  addPlan(library, 'plan')
  addAdaptation(library, 'job', { baseId })
  const runs = [
    { kind: 'plan', id: 'plan' },
    { kind: 'evaluation', id: runId },
    { kind: 'adaptation', id: 'job' },
  ]
  expect(await listed()).toHaveLength(3)
  expect(valueOf(await call('runs.setArchived', { runs, archived: true }))).toEqual({ problems: [] })
  expect(emit.mock.calls).toEqual([
    ['runs.changed', { baseId }],
    ['plans.changed', { planId: 'plan' }],
    ['adapt.changed', { jobId: 'job' }],
  ])
  expect([(await listed()).length, (await listed(true)).length]).toEqual([0, 3])
  expect(valueOf(await call('runs.pin', { run: runs[1] }))).toEqual({ problems: [] })
  expect((await listed(true)).filter(({ pinned }) => pinned).map(({ id }) => id)).toEqual([runId])
  expect(await call('runs.pin', { run: { kind: 'plan', id: 'gone' } })).toMatchObject({ ok: false, problems: [{ code: 'run-unknown' }] })
  expect(valueOf(await call('runs.compare', { runs: [runs[1]] }))).toMatchObject({ reference: { id: runId }, differences: [null] })
  expect(await call('runs.compare', { runs: [] })).toMatchObject({ ok: false, problems: [{ code: 'request-invalid' }] })
})

test('a plan is written where outputs go, and read from a path or a chosen file', async () => {
  const { library, outputFolder } = opened.services
  addPlan(library, 'plan', { provenance: { place: join(opened.folder, 'library', 'x') } })
  library.plans.setResult('plan', cellResult('reviews/-/-/base', [1, 0, 0, 1], { appVersion: '9.8.7' }))
  const { path } = valueOf<{ readonly path: string }>(await call('plans.writeBundle', { planId: 'plan', folder: null }))
  expect([dirname(path), existsSync(path)]).toEqual([outputFolder(), true])
  expect(permitted).not.toHaveBeenCalled()

  const { planId, problems } = valueOf<{ readonly planId: string; readonly problems: unknown }>(await call('plans.readBundle', { path }))
  expect(problems).toEqual([])
  expect(permitted).toHaveBeenCalledWith([path])
  expect(library.plans.get(planId)).toMatchObject({
    state: 'imported',
    provenance: { place: '…/x' },
    importedFrom: { appVersion: '9.8.7' },
  })
  // Compared here, so that lists have a headline.
  expect(library.plans.get(planId)?.headline).toMatch(/\w/)
  expect(emit).toHaveBeenLastCalledWith('plans.changed', { planId })

  expect(valueOf(await call('plans.pickBundle', {}))).toEqual({ planId: null, problems: [] })
  const elsewhere = join(opened.folder, 'elsewhere')
  mkdirSync(elsewhere)
  picked = join(elsewhere, basename(path))
  copyFileSync(path, picked)
  expect(valueOf<{ readonly planId: string }>(await call('plans.pickBundle', {})).planId).not.toBe(planId)
  expect(library.plans.list()).toHaveLength(3)

  const other = valueOf<{ readonly path: string }>(await call('plans.writeBundle', { planId: 'plan', folder: elsewhere }))
  expect(dirname(other.path)).toBe(elsewhere)
  expect(permitted).toHaveBeenLastCalledWith([elsewhere])
})

test('what cannot be written or read is refused in words', async () => {
  expect(await call('plans.writeBundle', { planId: 'gone', folder: null })).toMatchObject({
    ok: false,
    problems: [{ code: 'plan-unknown' }],
  })
  const path = opened.services.library.file
  expect(await call('plans.readBundle', { path })).toMatchObject({ ok: false, problems: [{ code: 'bundle-not-readable' }] })
  expect(await call('plans.readBundle', { path: `${path}.zip` })).toMatchObject({ ok: false, problems: [{ code: 'file-unreadable' }] })
})
