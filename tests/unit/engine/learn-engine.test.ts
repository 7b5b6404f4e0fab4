import { expect, test } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import type { NativeBinding } from '../../../src-main/engine/binding.ts'
import { createEngine, type Engine } from '../../../src-main/engine/engine.ts'
import type { EvaluateAdapter } from '../../../src-main/engine/evaluate-request.ts'
import type { GradientsRequest, SparseMaskRequest } from '../../../src-main/engine/gradients-request.ts'
import type { LearnAdapter, LearnRequest } from '../../../src-main/engine/learn-request.ts'
import type { MatchedRandomRequest, SimilarityRequest } from '../../../src-main/engine/similarity-request.ts'

// The mapping of the learning jobs between the addon's JSON and the app's types, with a binding that answers at once.

const adapter: EvaluateAdapter = {
  name: 'x',
  weightsFile: '/x',
  modules: [{ name: 'm', a: 'm.A', b: 'm.B', rank: 1, in: 2, out: 2, scaling: 1 }],
}
const learned: LearnAdapter = { ...adapter, key: 'hash', train: 'none', fresh: null, maskFile: null, dropout: 0 }
const place = { model: '/base', device: 'cpu', memoryBytes: 0, passTokens: 2048, passExamples: 8 }
const examples = [{ prompt: [1, 2], answer: [3], group: 0 }]

const learn: LearnRequest = {
  ...place,
  recompute: 'auto',
  adapters: [learned],
  coefficients: { train: true, granularity: 'module', activation: 'leaky_relu', start: { kind: 'constant', value: 0 } },
  objective: { kind: 'cross_entropy', temperature: 0.1, l1: 0 },
  train: examples,
  validation: examples,
  order: 'shuffled',
  steps: 2,
  batch: 1,
  optimiser: { rate: 0.001, coefficientRate: 0.05, bRatio: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 0, clipEach: false, schedule: 'cosine', warmupSteps: 1 }, // prettier-ignore
  validateEvery: 1,
  choose: 'validation',
  seed: 1,
  checkpointFolder: '/job/checkpoint',
  checkpointEvery: 0,
  stopFile: '/job/stop',
  journalFile: '/job/journal.jsonl',
  outFile: '/job/factors.safetensors',
}
const learnOutcome = {
  chosenStep: 1,
  lastStep: 2,
  stopped: 'done',
  where: null,
  value: null,
  startLoss: 2.5,
  chosenLoss: 2,
  lastLoss: 2.25,
  coefficients: [[0.5]],
  raw: [[[0.25, 0.5]]],
  parameters: 1,
  tokens: 9,
  seconds: 1,
  loadSeconds: 0.5,
  weightBytes: 10,
  peakBytes: 20,
  estimate: { weights: 10, units: 1, activations: 2, optimiser: 3, total: 16, free: 100 },
  recompute: false,
}
const gradients: GradientsRequest = { ...place, adapters: [learned], coefficients: [[0]], activation: 'identity', objective: 'cross_entropy', examples, outFile: null } // prettier-ignore
const mask: SparseMaskRequest = { weightsFile: '/x', modules: [{ name: 'm', b: 'm.B' }], sparsity: 0.9, scope: 'adapter', outFile: '/mask' }
const similarity: SimilarityRequest = { query: adapter, candidates: [adapter], dense: false }
const random: MatchedRandomRequest = { adapters: [{ ...adapter, outFile: '/random' }], seed: 7 }

interface Asked {
  readonly kind: string
  readonly request: string
}

function answering(reply: unknown): { readonly engine: Engine; readonly asked: Asked[] } {
  const asked: Asked[] = []
  const binding: NativeBinding = {
    devices: () => '{}',
    startJob(kind, request, onProgress) {
      asked.push({ kind, request })
      onProgress(JSON.stringify({ stage: 'working', done: 1, total: 4, unit: 'steps', rate: 2, etaSeconds: 1.5 }))
      return {
        promise: reply instanceof Error ? Promise.reject(reply) : Promise.resolve(JSON.stringify(reply)),
        cancel: () => undefined,
      }
    },
  }
  return { engine: createEngine({ threads: 3, load: () => ({ binding, reason: '' }) }), asked }
}

const similar = { dot: -1, modules: [-1], norm2: 2, queryNorm2: 3, clampSum: null, absSum: null, squaresDot: null, squaresNorm2: null, querySquaresNorm2: null } // prettier-ignore
const jobs = [
  { kind: 'learn', request: learn, reply: learnOutcome, run: (engine: Engine, run: object) => engine.learn(learn, run) },
  {
    kind: 'gradients',
    request: gradients,
    reply: { loss: 2, tokens: 3, seconds: 0.1, gradients: [[-0.5]] },
    run: (engine: Engine, run: object) => engine.gradients(gradients, run),
  },
  {
    kind: 'sparse-mask',
    request: mask,
    reply: { kept: 1, total: 2, threshold: 0.5, modules: [{ name: 'm', kept: 1 }] },
    run: (engine: Engine, run: object) => engine.sparseMask(mask, run),
  },
  {
    kind: 'similarity',
    request: similarity,
    reply: { candidates: [similar] },
    run: (engine: Engine, run: object) => engine.similarity(similarity, run),
  },
  {
    kind: 'matched-random',
    request: random,
    reply: { modules: [{ name: 'm', deviationA: 0.5, deviationB: 0 }] },
    run: (engine: Engine, run: object) => engine.matchedRandom(random, run),
  },
] as const

test.each(jobs)('$kind is asked for with its request and the threads, and its reply comes back', async ({ kind, request, reply, run }) => {
  const { engine, asked } = answering(reply)
  const seen: unknown[] = []
  expect(await run(engine, { onProgress: (progress: unknown) => seen.push(progress) })).toEqual(reply)
  expect(asked).toHaveLength(1)
  expect(asked[0]?.kind).toBe(kind)
  expect(JSON.parse(asked[0]!.request)).toEqual({ ...request, threads: 3 })
  expect(seen).toEqual([{ stage: 'working', fraction: 0.25, rate: 2, unit: 'steps', etaSeconds: 1.5 }])
})

test.each(jobs)('a reply of $kind in a wrong shape is thrown as a defect', async ({ kind, run }) => {
  await expect(run(answering({ some: 'thing' }).engine, {})).rejects.toThrow(`the native core's result of ${kind} is not valid at`)
})

test('a job stopped by a NaN says where, and has no loss to tell', async () => {
  const reply = { ...learnOutcome, stopped: 'not-finite', where: 'model.layers.0.mlp.up_proj', lastLoss: null }
  expect(await answering(reply).engine.learn(learn)).toEqual(reply)
})

test.each(['loss-not-finite', 'mask-invalid', 'answer-empty', 'memory-short', 'checkpoint-invalid', 'adapter-other-base'])(
  'the core refuses learning with %s as a problem',
  async (code) => {
    const failed = answering(Object.assign(new Error('why'), { code, hint: 'what to do' })).engine.learn(learn)
    const error = await failed.then(() => undefined, (reason: unknown) => reason) // prettier-ignore
    expect(error).toBeInstanceOf(Refusal)
    expect((error as Refusal).problems).toEqual([{ code, severity: 'error', message: 'why', hint: 'what to do' }])
  },
)
