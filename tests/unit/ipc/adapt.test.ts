import { afterEach, expect, test, vi } from 'vitest'
import { join } from 'node:path'
import { adaptHandlers } from '../../../src-main/ipc/adapt-handlers.ts'
import { requests } from '../../../src-main/contract/bridge.ts'
import * as v from 'valibot'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

// Base models are looked at by the native core.
const testWithCore = test.skipIf(loadBinding().binding === null)

let opened: OpenedServices | undefined
let baseId: string
async function open(): Promise<void> {
  opened = openTestServices()
  const { bases, library, importer } = opened.services
  await importer.finished(importer.start([join(demoAdapters, 'rude-r16')]).id!)
  baseId = await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
  await library.tasks.add(join(demoKit, 'tasks', 'rude.task.json'))
}
afterEach(() => opened?.close())

/** As the wire does: checked on the way in and on the way out. */
async function call<K extends 'adapt.plan' | 'adapt.start' | 'adapt.list' | 'adapt.get' | 'adapt.keepBest'>(name: K, input: unknown) {
  const handler = adaptHandlers(opened!.services)[name] as (input: unknown) => unknown
  return v.parse(requests[name].output, await handler(v.parse(requests[name].input, input))) as v.InferOutput<
    (typeof requests)[K]['output']
  >
}

testWithCore('requests of Adapt plan, refuse, start, list and tell, by the contract', async () => {
  await open()
  const input = { arm: 'tune', baseId, taskId: 'rude', params: { selection: 'manual', steps: 2, batch: 2 }, budget: 10 }
  expect(await call('adapt.plan', input)).toMatchObject({ pool: 1, trainExamples: 10, noValidation: true, parameters: 28 })
  expect(await call('adapt.plan', { ...input, taskId: 'nothing' })).toMatchObject({ sentence: '', problems: [{ code: 'task-unknown' }] })
  expect(await call('adapt.start', { input: { ...input, preset: 'nothing' } })).toMatchObject({
    jobIds: [],
    problems: [{ code: 'preset-unknown' }, { code: 'no-validation' }],
  })
  expect(await call('adapt.list', {})).toEqual([])
  expect(await call('adapt.get', { jobId: 'nothing' })).toBeNull()
  expect(await call('adapt.keepBest', { jobId: 'nothing' })).toMatchObject({ problems: [{ code: 'job-unknown' }] })
  const { jobIds, problems } = await call('adapt.start', { input, seeds: [1, 2], sweep: {} })
  expect(problems.map(({ code }) => code)).toEqual(['no-validation'])
  expect(jobIds).toHaveLength(2)
  // They are in the list at once, before they run.
  const listed = await call('adapt.list', { taskId: 'rude' })
  expect(listed.map(({ jobId, seed }) => [jobId, seed])).toEqual([[jobIds[1], 2], [jobIds[0], 1]]) // prettier-ignore
  expect(listed[0]!.group).toBe(listed[1]!.group)
  expect(listed[0]!.group).not.toBeNull()
  expect(await call('adapt.get', { jobId: jobIds[0]! })).toMatchObject({ jobId: jobIds[0], budget: 10, arm: 'tune' })
  for (const id of jobIds) opened!.services.queue.cancel(id)
  await Promise.all(jobIds.map((id) => opened!.services.queue.whenEnded(id)))
})

test('requests with values of no kind are refused at the door', () => {
  const { input } = requests['adapt.start']
  const given = { arm: 'tune', baseId: 'b', taskId: 'rude' }
  expect(v.safeParse(input, { input: given }).success).toBe(true)
  for (const wrong of [{ arm: 'test' }, { budget: 50 }, { seed: -1 }, { control: 'nothing' }, { pool: 'all' }])
    expect(v.safeParse(input, { input: { ...given, ...wrong } }).success).toBe(false)
})
