import { expect, test } from 'vitest'
import type { NativeBinding } from '../../../src-main/engine/binding.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import type { EvaluateRequest } from '../../../src-main/engine/evaluate-request.ts'
import { Refusal } from '../../../src-main/contract/problems.ts'
import type { ResolvedMergeJob } from '../../../src-main/contract/recipe.ts'

// The mapping between the addon's JSON and the app's types, with a hand-made binding; the addon itself is tested in native-engine.test.ts.

const job: ResolvedMergeJob = { schema: 1, kind: 'merge', method: 'linear', params: {}, adapters: [], modules: [], output: { dtype: 'float32', rank: 1 }, seed: 1, device: 'cpu' } // prettier-ignore
const devices = {
  cpu: { name: 'A Processor', threads: 8, instructions: 'avx2' },
  cuda: { available: false, reason: 'no NVIDIA driver (libcuda.so.1 was not found)', devices: [] },
  build: { version: '0.1.0', compiler: 'g++ 12', cudaCompiled: false, id: 'abc' },
}
const outcome = {
  rank: 1,
  bytesRead: 10,
  bytesWritten: 20,
  seconds: 0.5,
  peakBytes: 30,
  modules: [{ name: 'q', rank: 1, norm: 2, discardedEnergy: 0.1 }],
}

interface Call {
  readonly kind: string
  readonly request: unknown
  readonly onProgress: (json: string) => void
  cancelled: boolean
  finish(value: unknown): void
  fail(error: unknown): void
}

function handMade(): { readonly binding: NativeBinding; readonly calls: Call[] } {
  const calls: Call[] = []
  return {
    calls,
    binding: {
      devices: () => JSON.stringify(devices),
      startJob(kind, requestJson, onProgress) {
        let resolve: (text: string) => void = () => undefined
        let reject: (error: unknown) => void = () => undefined
        const promise = new Promise<string>((accept, refuse) => {
          resolve = accept
          reject = refuse
        })
        const call: Call = {
          kind,
          request: JSON.parse(requestJson),
          onProgress,
          cancelled: false,
          finish: (value) => resolve(JSON.stringify(value)),
          fail: reject,
        }
        calls.push(call)
        const cancel = () => {
          call.cancelled = true
          reject(Object.assign(new Error('The work was cancelled.'), { code: 'cancelled' }))
        }
        return { promise, cancel }
      },
    },
  }
}
const engineOf = (binding: NativeBinding, threads: number | (() => number) = 2) =>
  createEngine({ threads, load: () => ({ binding, reason: '' }) })

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason) // prettier-ignore
  expect(error).toBeInstanceOf(Refusal)
  return error as Refusal
}

test('a merge is asked for with the job, the file and the threads of the moment', async () => {
  const { binding, calls } = handMade()
  let threads = 3
  const engine = engineOf(binding, () => threads)
  threads = 5
  const merging = engine.merge(job, '/out/file')
  calls[0]?.finish(outcome)
  expect(await merging).toEqual(outcome)
  expect(calls[0]).toMatchObject({ kind: 'merge', request: { job, outFile: '/out/file', threads: 5 } })
})

test('progress becomes a fraction of its stage', async () => {
  const { binding, calls } = handMade()
  const seen: unknown[] = []
  const merging = engineOf(binding).merge(job, '/out/file', { onProgress: (progress) => seen.push(progress) })
  calls[0]?.onProgress(JSON.stringify({ stage: 'merging', done: 3, total: 12, unit: 'modules', rate: 6, etaSeconds: 1.5 }))
  calls[0]?.onProgress(JSON.stringify({ stage: 'writing', done: 0, total: 0, unit: 'bytes', rate: 0, etaSeconds: null }))
  calls[0]?.finish(outcome)
  await merging
  expect(seen).toEqual([
    { stage: 'merging', fraction: 0.25, rate: 6, unit: 'modules', etaSeconds: 1.5 },
    { stage: 'writing', fraction: 0, rate: 0, unit: 'bytes', etaSeconds: null },
  ])
})

test('progress of a wrong shape stops the job and is thrown as a defect', async () => {
  const { binding, calls } = handMade()
  const merging = engineOf(binding).merge(job, '/out/file', { onProgress: () => undefined })
  calls[0]?.onProgress(JSON.stringify({ stage: 'merging', done: 'three' }))
  await expect(merging).rejects.toThrow("the native core's progress of merge is not valid at done")
  expect(calls[0]?.cancelled).toBe(true)
})

test('a result of a wrong shape is thrown as a defect', async () => {
  const { binding, calls } = handMade()
  const merging = engineOf(binding).merge(job, '/out/file')
  calls[0]?.finish({ ...outcome, modules: [{ name: 'q' }] })
  await expect(merging).rejects.toThrow("the native core's result of merge is not valid at modules.0.rank")
})

test('an error with a known code becomes a refusal that says where', async () => {
  const { binding, calls } = handMade()
  const merging = engineOf(binding).merge(job, '/out/file')
  calls[0]?.fail(Object.assign(new Error('Found NaN.'), { code: 'not-finite', path: '/a/b', tensor: 'q.lora_A', hint: 'Leave it out.' }))
  expect((await refusalOf(merging)).problems).toEqual([
    { code: 'not-finite', severity: 'error', message: 'Found NaN.', where: { path: '/a/b', tensor: 'q.lora_A' }, hint: 'Leave it out.' },
  ])
})

test('an error with an unknown code is thrown as it is', async () => {
  const { binding, calls } = handMade()
  const error = Object.assign(new Error('strange'), { code: 'ESTRANGE' })
  const merging = engineOf(binding).merge(job, '/out/file')
  calls[0]?.fail(error)
  await expect(merging).rejects.toBe(error)
})

test('an abort cancels the native job; one that came before starts none', async () => {
  const { binding, calls } = handMade()
  const engine = engineOf(binding)
  const stop = new AbortController()
  const merging = engine.merge(job, '/out/file', { signal: stop.signal })
  stop.abort()
  expect((await refusalOf(merging)).problems[0]?.code).toBe('cancelled')
  expect(calls[0]?.cancelled).toBe(true)
  expect((await refusalOf(engine.preview(job, 1, { signal: stop.signal }))).problems[0]?.code).toBe('cancelled')
  expect(calls).toHaveLength(1)
})

test('previews and inspections run beside other work, on one thread', async () => {
  const { binding, calls } = handMade()
  const engine = engineOf(binding, 7)
  const previewing = engine.preview(job, 1000)
  const inspecting = engine.inspect({ weightsFile: '/f', modules: [] })
  calls[0]?.finish({ exact: true, modulesUsed: 0, modulesTotal: 0, gram: [[1]], modules: [] })
  calls[1]?.finish({ finite: false, firstNonFinite: { tensor: 't', index: 3, value: 'nan' }, norm: null, modules: [] })
  expect(await previewing).toMatchObject({ exact: true, gram: [[1]] })
  expect(await inspecting).toMatchObject({ finite: false, firstNonFinite: { tensor: 't', index: 3, value: 'nan' } })
  expect(calls.map((call) => call.request)).toEqual([{ job, maxBytes: 1000, threads: 1 }, { weightsFile: '/f', modules: [], threads: 1 }]) // prettier-ignore
})

test('the device is the processor, with the reason why no GPU is used', () => {
  expect(engineOf(handMade().binding).devices()).toEqual({
    device: 'CPU',
    reason: 'no NVIDIA driver (libcuda.so.1 was not found)',
    processor: 'A Processor',
    threads: 2,
    instructions: 'avx2',
    nativeBuild: 'abc',
  })
})

test('a core that is not built is a problem with its reason, not a crash', async () => {
  const engine = createEngine({ threads: 0, load: () => ({ binding: null, reason: 'no C++ compiler was found' }) })
  expect(engine.devices()).toMatchObject({ device: 'CPU', reason: 'native core not built: no C++ compiler was found', nativeBuild: null })
  expect(engine.devices().threads).toBeGreaterThan(0)
  const { problems } = await refusalOf(engine.merge(job, '/out/file'))
  expect(problems).toMatchObject([{ code: 'native-not-built', message: 'The native core cannot be used: no C++ compiler was found' }])
  expect((await refusalOf(engine.inspect({ weightsFile: '/f', modules: [] }))).problems[0]?.code).toBe('native-not-built')
})

const evaluation: EvaluateRequest = { model: '/base', device: 'cpu', memoryBytes: 0, batchTokens: 0, adapters: [], subjects: [], items: [], work: [], outFile: '/lines' } // prettier-ignore

test('an evaluation is asked for with the threads of the moment, tells its progress and can be stopped', async () => {
  const { binding, calls } = handMade()
  const outcome = { done: 2, tokens: 30, seconds: 2, loadSeconds: 1, weightBytes: 100, peakBytes: 200, estimate: { weights: 100, units: 1, cache: 2, activations: 3, total: 106, free: 1000 } } // prettier-ignore
  const seen: unknown[] = []
  const stop = new AbortController()
  const done = engineOf(binding).evaluate(evaluation, { onProgress: ({ stage, unit }) => seen.push([stage, unit]) })
  calls[0]?.onProgress(JSON.stringify({ stage: 'evaluating', done: 1, total: 2, unit: 'examples', rate: 1, etaSeconds: 1 }))
  calls[0]?.finish(outcome)
  expect(await done).toEqual(outcome)
  expect(seen).toEqual([['evaluating', 'examples']])
  expect(calls[0]).toMatchObject({ kind: 'evaluate', request: { ...evaluation, threads: 2 } })

  const stopped = engineOf(binding).evaluate(evaluation, { signal: stop.signal })
  stop.abort()
  expect((await refusalOf(stopped)).problems[0]?.code).toBe('cancelled')
  expect(calls[1]?.cancelled).toBe(true)
})

test.each([
  'checkpoint-missing',
  'architecture-unknown',
  'config-unsupported',
  'adapter-other-base',
  'vocabulary-mismatch',
  'prompt-empty',
  'memory-short',
  'device-unknown',
  'device-lost',
  'checkpoint-invalid',
])('the core refuses an evaluation with %s as a problem', async (code) => {
  const { binding, calls } = handMade()
  const refused = engineOf(binding).evaluate(evaluation)
  calls[0]?.fail(Object.assign(new Error('why'), { code, hint: 'what to do' }))
  expect((await refusalOf(refused)).problems).toEqual([{ code, severity: 'error', message: 'why', hint: 'what to do' }])
})

test('facts of a checkpoint are asked for by its folder', async () => {
  const { binding, calls } = handMade()
  const facts = { family: 'llama', dtype: 'BF16', parameters: 10, weightBytes: 20, files: ['/base/model.safetensors'], vocabulary: 5, hidden: 4, layers: 1, heads: 2, kvHeads: 1, headDim: 2, intermediate: 8, maxPositions: 16, tied: false, endTokens: [2], modules: [{ name: 'm', in: 4, out: 4 }], memory: [{ device: 'cpu', needs: 100, free: 1000 }] } // prettier-ignore
  const asked = engineOf(binding).checkpoint('/base')
  calls[0]?.finish(facts)
  expect(await asked).toEqual(facts)
  expect(calls[0]).toMatchObject({ kind: 'checkpoint', request: { folder: '/base' } })
})
