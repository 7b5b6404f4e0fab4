import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Reply } from '../../../src-main/contract/bridge.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { evaluateHandlers } from '../../../src-main/ipc/evaluate-handlers.ts'
import { createDispatch, type Dispatch, type Handlers } from '../../../src-main/ipc/serve.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.skipIf(loadBinding().binding === null)('requests that evaluate', () => {
  let opened: OpenedServices
  let call: Dispatch
  let baseId: string
  let adapterId: string
  beforeAll(async () => {
    opened = openTestServices()
    const { importer, bases, library } = opened.services
    const folder = join(demoAdapters, 'sentiment-r16')
    await importer.finished(importer.start([folder]).id!)
    adapterId = (library.adapters.find(folder) as { readonly id: string }).id
    baseId = await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
    await library.tasks.add(join(demoKit, 'tasks', 'sentiment.task.json'))
    call = createDispatch(evaluateHandlers(opened.services) as Handlers, silentLog)
  })
  afterAll(() => opened.close())

  const input = (coefficient = 1) => ({
    baseId,
    subjects: [{ kind: 'base' }, { kind: 'adapter', adapterId, coefficient }],
    tasks: [{ taskId: 'sentiment', split: 'test', limit: 10 }],
    maxNewTokens: 6,
  })
  const valueOf = (reply: Reply): unknown => (reply.ok ? reply.value : reply.problems)
  async function finished(given: unknown) {
    const { jobId } = valueOf(await call('evaluate.start', given)) as { readonly jobId: string }
    return opened.services.queue.whenEnded(jobId)
  }

  test('a plan counts, a start computes, and the next plan knows both', async () => {
    const plan = valueOf(await call('evaluate.plan', input()))
    expect(plan).toMatchObject({ runs: 2, known: 0, examples: 20, skipped: 0, unfit: [], etaSeconds: null, problems: [] })
    const { needsBytes, freeBytes, promptTokens } = plan as { readonly [name: string]: number }
    expect(needsBytes).toBeGreaterThan(4_477_824)
    expect(freeBytes).toBeGreaterThan(needsBytes!)
    expect(promptTokens).toBeGreaterThan(100)
    expect(await finished(input())).toMatchObject({ state: 'done', problems: [] })
    expect(valueOf(await call('evaluate.plan', input()))).toMatchObject({ runs: 2, known: 2, examples: 0, etaSeconds: 0 })
  })

  test('a coefficient that makes logits overflow is a problem of that subject by name', async () => {
    expect(await finished(input(1e30))).toMatchObject({
      state: 'done',
      problems: [{ code: 'logits-not-finite', severity: 'error', message: expect.stringContaining('sentiment-r16 × 1e+30: 10 examples') }],
    })
    const [run] = opened.services.library.runs.list().slice(-1)
    expect(run).toMatchObject({ n: 10, done: 10, value: null, problems: [{ code: 'logits-not-finite' }] })
  })

  test('one prompt is answered, and unknown subjects are refused', async () => {
    const ask = { baseId, system: 'is the review positive or negative', user: 'my book is nasty again', maxNewTokens: 6 }
    const answered = valueOf(await call('evaluate.try', { ...ask, subject: { kind: 'adapter', adapterId } }))
    expect(answered).toMatchObject({ generation: { text: 'negative', ended: true }, problems: [] })
    const refused = valueOf(await call('evaluate.try', { ...ask, subject: { kind: 'adapter', adapterId: 'nobody' } }))
    expect(refused).toMatchObject({ generation: null, problems: [{ code: 'adapter-unknown' }] })
  })

  test('a selection without anybody is no request', async () => {
    expect(await call('evaluate.plan', { ...input(), subjects: [] })).toMatchObject({ ok: false, problems: [{ code: 'request-invalid' }] })
  })
})
