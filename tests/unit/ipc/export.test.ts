import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as v from 'valibot'
import { requests, type RequestParsed } from '../../../src-main/contract/bridge.ts'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { exportHandlers } from '../../../src-main/ipc/export-handlers.ts'
import { openBench, removeBench, type Bench } from '../jobs/bench.ts'

let bench: Bench
let id: string
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-export-')))
beforeAll(async () => {
  bench = openBench()
  id = (await bench.add('a', { r: 4, config: { use_rslora: true } })).id!
  mkdirSync(join(folder, 'allowed'))
})
afterAll(async () => {
  await bench.close()
  removeBench(bench)
  rmSync(folder, { recursive: true, force: true })
})

const asked: string[] = []
const handlers = () =>
  exportHandlers(
    {
      queue: bench.queue,
      adapterOf(wanted) {
        const adapter = bench.library.adapters.get(wanted)
        if (!adapter) throw new Refusal([errorProblem('adapter-unknown', 'no')])
        return adapter
      },
    },
    async (...paths) => {
      asked.push(...paths)
      if (paths.some((path) => !path.startsWith(join(folder, 'allowed')))) throw new Refusal([errorProblem('path-not-allowed', 'no')])
    },
  )
const start = (input: object) => handlers()['export.start'](v.parse(requests['export.start'].input, input))

test('a check says what the tool makes of it before and after, and fits the contract', async () => {
  const vllm = v.parse(requests['export.check'].output, await handlers()['export.check']({ id, profile: 'vllm' }))
  expect(vllm).toMatchObject({ profile: 'vllm', unchanged: [], exported: [], rank: 8 })
  const llamacpp = v.parse(requests['export.check'].output, await handlers()['export.check']({ id, profile: 'llamacpp' }))
  expect(llamacpp).toMatchObject({ unchanged: [{ code: 'rslora-ignored', severity: 'error' }], exported: [], rank: 4 })
  expect(() => handlers()['export.check']({ id: 'nobody', profile: 'peft' })).toThrow(Refusal)
})

test('a start makes a job in a folder that the window may use, and refuses others', async () => {
  await expect(start({ id, folder: join(folder, 'elsewhere'), profile: 'vllm' })).rejects.toThrow(Refusal)
  const { jobId, problems } = await start({ id, folder: join(folder, 'allowed'), profile: 'vllm' })
  expect(asked).toEqual([join(folder, 'elsewhere'), join(folder, 'allowed')])
  expect(problems).toEqual([])
  expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ kind: 'export', state: 'done' })
  expect((await bench.queue.get(jobId!))?.result).toMatchObject({ path: join(folder, 'allowed', 'a-vllm'), rank: 8 })
  expect(readdirSync(join(folder, 'allowed'))).toEqual(['a-vllm'])
})

test('what stands against it is answered, with no job', async () => {
  const { jobId, problems } = await start({ id, folder: join(folder, 'allowed'), profile: 'vllm', padTo: 20 })
  expect(jobId).toBeNull()
  expect(problems).toMatchObject([{ code: 'rank-invalid', where: { field: 'padTo', value: '20' } }])
  const parsed: RequestParsed<'export.start'> = v.parse(requests['export.start'].input, { id, folder, profile: 'peft' })
  expect(parsed.padTo).toBe(0)
  expect(v.safeParse(requests['export.start'].input, { id, folder, profile: 'peft', padTo: 1.5 }).success).toBe(false)
})
