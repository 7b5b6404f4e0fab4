import { afterEach, describe, expect, test } from 'vitest'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import type { GradientsRequest } from '../../../src-main/engine/gradients-request.ts'
import type { Engine } from '../../../src-main/engine/engine.ts'
import type { SimilarityRequest } from '../../../src-main/engine/similarity-request.ts'
import type { UsableAdapter } from '../../../src-main/jobs/adapt-types.ts'
import { chunksOf } from '../../../src-main/jobs/select-gradients.ts'
import { openSelectBench, rows, type SelectBench } from './select-bench.ts'

// Choosing as jobs over a library, with a core played by a script.

let opened: SelectBench | undefined
afterEach(() => {
  opened?.bench.close()
  opened = undefined
})
const open = async (...given: Parameters<typeof openSelectBench>): Promise<SelectBench> => (opened = await openSelectBench(...given))

describe('by what the base model makes of the training examples', () => {
  test('adapters are scored alone by the metric, on training examples only, and the values are those of the runs', async () => {
    const bench = await open()
    const { job, detail } = await bench.select({ selection: 'evaluation', k: 2 })
    expect(job.state).toBe('done')
    const { calls } = bench.script
    expect(calls).toHaveLength(1)
    expect(calls[0]!.subjects.map(({ name }) => name)).toEqual(bench.names)
    expect(calls[0]!.items).toHaveLength(rows.train.length)
    const runs = bench.bench.library.runs.list()
    expect(runs.map(({ split, metric }) => [split, metric])).toEqual(bench.names.map(() => ['train', 'exact_match']))
    expect(detail.selection.map(({ value }) => value)).toEqual(runs.map(({ value }) => value))
    const best = [...detail.selection].sort((left, right) => right.value! - left.value!).slice(0, 2)
    expect(bench.chosen(detail.selection)).toEqual(best.map(({ name }) => name))
    expect(detail.cost).toMatchObject({ tokens: calls[0]!.work.length * 10, scoredAdapters: 4, device: 'CPU (none)' })
    expect(job.resultAdapterId).toBeNull()
  })

  test('what is known is not computed again, whatever the strategy asks afterwards', async () => {
    const bench = await open()
    const first = await bench.select({ selection: 'evaluation', k: 1 })
    const second = await bench.select({ selection: 'evaluation', k: 3, skip: 1 })
    expect(bench.script.calls).toHaveLength(1)
    expect(second.detail.selection.map(({ value }) => value)).toEqual(first.detail.selection.map(({ value }) => value))
    expect(second.detail.cost).toMatchObject({ tokens: 0, seconds: 0, scoredAdapters: 4 })
    const [best] = bench.chosen(first.detail.selection)
    expect(bench.chosen(second.detail.selection)).not.toContain(best)
    expect(second.detail.selection.find(({ name }) => name === best)?.reason).toMatch(/best 1/)
  })

  test('the loss ranks by minus the mean loss', async () => {
    const bench = await open()
    const { detail } = await bench.select({ selection: 'loss', k: 4 })
    const runs = bench.bench.library.runs.list()
    expect(new Set(runs.map(({ metric }) => metric))).toEqual(new Set(['mean_loss']))
    expect(detail.selection.map(({ value }) => value)).toEqual(runs.map(({ value }) => -value!))
    expect(bench.chosen(detail.selection)).toHaveLength(4)
  })

  test('an adapter whose answers are not finite is never chosen, and it is said', async () => {
    const bench = await open(
      {},
      { problemOf: (subject, { prompt }) => (subject === 'beta' && prompt.length % 2 === 0 ? 'logits-not-finite' : undefined) },
    )
    const { detail } = await bench.select({ selection: 'evaluation', k: 10 })
    const beta = detail.selection.find(({ name }) => name === 'beta')!
    expect(beta).toMatchObject({ value: null, place: null })
    expect(beta.reason).toMatch(/not finite|left out/i)
    expect(bench.chosen(detail.selection)).toHaveLength(3)
  })

  test('a stopped selection keeps what was answered, and goes on behind it', async () => {
    const stop: { now?: () => void } = {}
    const bench = await open({}, { stopAfter: 6, then: 'wait', onStop: () => stop.now?.() })
    const { jobId } = bench.bench.queue.start('select', bench.input({ params: { selection: 'evaluation', k: 1 } }))
    stop.now = () => void bench.bench.queue.cancel(jobId!)
    expect((await bench.bench.queue.whenEnded(jobId!)).state).toBe('cancelled')
    const answered = bench.bench.library.runs.list().reduce((sum, { done }) => sum + done, 0)
    expect(answered).toBe(6)
    Object.assign(bench.script, { stopAfter: Infinity })
    expect((await bench.select({ selection: 'evaluation', k: 1 })).job.state).toBe('done')
    expect(bench.script.calls[1]!.work).toHaveLength(4 * rows.train.length - 6)
  })
})

describe('by gradients at the base model', () => {
  /** Derivatives by the adapter's name, spread over its modules. */
  const sums: Readonly<Record<string, number>> = { alpha: -2, beta: 3, 'gamma-long': -0.5, delta: -8 }
  function gradientsOf(calls: GradientsRequest[], refuse: (request: GradientsRequest) => Refusal | undefined = () => undefined) {
    const gradients: Engine['gradients'] = (request) => {
      calls.push(request)
      const refusal = refuse(request)
      if (refusal) return Promise.reject(refusal)
      const rowsOf = request.adapters.map(({ name, modules }) => modules.map(() => sums[name]! / modules.length))
      return Promise.resolve({ loss: 1, tokens: 100, seconds: 0.5, gradients: rowsOf })
    }
    return gradients
  }

  test('all share one pass over the training examples at coefficient 0, and the value is minus the sum over the norm', async () => {
    const calls: GradientsRequest[] = []
    const bench = await open({ gradients: gradientsOf(calls) })
    const { detail } = await bench.select({ selection: 'gradient', k: 2 })
    expect(calls).toHaveLength(1)
    const [request] = calls
    expect(request).toMatchObject({ activation: 'identity', objective: 'cross_entropy', outFile: null, device: 'cpu' })
    expect(request!.adapters.map(({ name, train }) => [name, train])).toEqual(bench.names.map((name) => [name, 'none']))
    expect(request!.coefficients).toEqual(request!.adapters.map(({ modules }) => modules.map(() => 0)))
    expect(request!.examples).toHaveLength(rows.train.length)
    const norms = bench.pool.map((id) => bench.bench.library.adapters.get(id)!.updateNorm!)
    detail.selection.forEach(({ value, name }, index) => expect(value).toBeCloseTo(-sums[name]! / norms[index]!, 9))
    expect(detail.cost).toMatchObject({ tokens: 100, seconds: 0.5, scoredAdapters: 4 })
    expect(bench.script.calls).toEqual([])
  })

  test('where memory is short fewer share a pass, with the same values', async () => {
    const calls: GradientsRequest[] = []
    const refuse = ({ adapters }: GradientsRequest) =>
      adapters.length > 1 ? new Refusal([errorProblem('memory-short', 'too much')]) : undefined
    const bench = await open({ gradients: gradientsOf(calls, refuse) })
    const { detail } = await bench.select({ selection: 'gradient', k: 4 })
    expect(calls.map(({ adapters }) => adapters.length)).toEqual([4, 2, 1, 1, 2, 1, 1])
    expect(bench.chosen(detail.selection)).toHaveLength(4)
    expect(detail.cost).toMatchObject({ tokens: 400, scoredAdapters: 4 })
  })

  test('one whose derivative is not finite is found, told of, and spoils it for nobody', async () => {
    const calls: GradientsRequest[] = []
    const refuse = ({ adapters }: GradientsRequest) =>
      adapters.some(({ name }) => name === 'beta')
        ? new Refusal([errorProblem('not-finite', 'A gradient in q_proj is not finite.')])
        : undefined
    const bench = await open({ gradients: gradientsOf(calls, refuse) })
    const { job, detail } = await bench.select({ selection: 'gradient', k: 4 })
    expect(job.state).toBe('done')
    expect(calls.map(({ adapters }) => adapters.length)).toEqual([4, 2, 1, 1, 2])
    expect(detail.selection.find(({ name }) => name === 'beta')).toMatchObject({
      value: null,
      place: null,
      reason: 'A gradient in q_proj is not finite.',
    })
    expect(bench.chosen(detail.selection)).toHaveLength(3)
  })

  test('a job that failed on the way goes on behind the adapters that were done', async () => {
    const calls: GradientsRequest[] = []
    let broken = true
    const refuse = ({ adapters }: GradientsRequest) => {
      if (adapters.length > 1) return new Refusal([errorProblem('memory-short', 'too much')])
      return broken && adapters[0]!.name === 'gamma-long' ? new Refusal([errorProblem('device-lost', 'gone')]) : undefined
    }
    const bench = await open({ gradients: gradientsOf(calls, refuse) })
    expect((await bench.select({ selection: 'gradient', k: 4 })).job.state).toBe('failed')
    broken = false
    calls.length = 0
    const { job, detail } = await bench.select({ selection: 'gradient', k: 4 })
    expect(job.state).toBe('done')
    expect(calls.map(({ adapters }) => adapters.map(({ name }) => name))).toEqual([['gamma-long', 'delta'], ['gamma-long'], ['delta']])
    expect(detail.selection.every(({ value }) => value !== null)).toBe(true)
  })

  test('passes take as many adapters as fit, at least one, in their order', () => {
    const adapter = (rank: number) => ({ modules: [{ rank, in: 60, out: 40 }] }) as unknown as UsableAdapter
    const ranks = (room: number) =>
      chunksOf([4, 2, 2, 9, 1].map(adapter), room).map((chunk) => chunk.map(({ modules }) => modules[0]!.rank))
    expect(ranks(400 * 6)).toEqual([[4, 2], [2], [9], [1]])
    expect(ranks(0)).toEqual([[4], [2], [2], [9], [1]])
    expect(ranks(1e9)).toEqual([[4, 2, 2, 9, 1]])
  })
})

describe('by likeness to one’s own', () => {
  const plain = {
    norm2: 1,
    queryNorm2: 4,
    modules: [0],
    clampSum: null,
    absSum: null,
    squaresDot: null,
    squaresNorm2: null,
    querySquaresNorm2: null,
  }
  const similarityOf =
    (calls: SimilarityRequest[]): Engine['similarity'] =>
    (request) => {
      calls.push(request)
      return Promise.resolve({
        candidates: request.candidates.map((_, index) => ({ ...plain, dot: index, clampSum: request.dense ? 2 - index : null })),
      })
    }

  test('one’s own is the query, takes the first place, and is no candidate', async () => {
    const calls: SimilarityRequest[] = []
    const bench = await open({ similarity: similarityOf(calls) })
    const own = bench.pool[1]!
    const { detail } = await bench.select({ selection: 'cosine', k: 3, ownFirst: true }, { ownId: own })
    expect(calls.map(({ query, candidates, dense }) => [query.name, candidates.map(({ name }) => name), dense])).toEqual([
      ['beta', ['alpha', 'gamma-long', 'delta'], false],
    ])
    expect(bench.chosen(detail.selection)).toEqual(['beta', 'delta', 'gamma-long'])
    expect(detail.selection.find(({ name }) => name === 'delta')!.value).toBeCloseTo(2 / Math.sqrt(4 + 1e-6), 12)
    expect(detail.cost).toMatchObject({ tokens: 0, scoredAdapters: 0 })
  })

  test('sums over entries are asked for where a strategy needs them', async () => {
    const calls: SimilarityRequest[] = []
    const bench = await open({ similarity: similarityOf(calls) })
    const { detail } = await bench.select({ selection: 'clamp', k: 1 }, { ownId: bench.pool[3]! })
    expect(calls[0]!.dense).toBe(true)
    expect(bench.chosen(detail.selection)).toEqual(['alpha'])
  })

  test('without an own LoRA it is refused before anything is started', async () => {
    const bench = await open()
    await expect(bench.select({ selection: 'cosine', k: 1 })).rejects.toThrow('own-missing')
  })

  test('K of 1 with one’s own first leaves room for nobody, and finds nothing out', async () => {
    const bench = await open()
    const { detail } = await bench.select({ selection: 'evaluation', k: 1, ownFirst: true }, { ownId: bench.pool[0]! })
    expect(bench.chosen(detail.selection)).toEqual(['alpha'])
    expect(bench.script.calls).toEqual([])
    expect(detail.selection[1]!.reason).toMatch(/K is 1/)
  })
})

describe('without running anything', () => {
  test('a seed draws the same adapters again, another one others; all are drawn somewhen', async () => {
    const bench = await open()
    const draw = async (seed: number) => bench.chosen((await bench.select({ selection: 'random', k: 2 }, { seed })).detail.selection)
    expect(await draw(5)).toEqual(await draw(5))
    const draws = new Set<string>()
    for (let seed = 0; seed < 12; seed++) for (const name of await draw(seed)) draws.add(name)
    expect([...draws].sort()).toEqual([...bench.names].sort())
  })

  test('by hand the pool keeps its order, by rank the largest come first, and all are all', async () => {
    const bench = await open()
    const pool = [bench.pool[2]!, bench.pool[0]!, bench.pool[3]!]
    const by = async (params: Readonly<Record<string, unknown>>) => bench.chosen((await bench.select(params, { pool })).detail.selection)
    expect(await by({ selection: 'manual', k: 2 })).toEqual(['gamma-long', 'alpha'])
    expect(await by({ selection: 'rank', k: 2 })).toEqual(['delta', 'gamma-long'])
    expect(await by({ selection: 'all', k: 1 })).toEqual(['gamma-long', 'alpha', 'delta'])
  })

  test('where nobody is left it is refused, with the reason', async () => {
    const bench = await open()
    const { job } = await bench.select({ selection: 'rank', k: 2, skip: 4 })
    expect(job.state).toBe('failed')
    expect(job.problems.map(({ code, message }) => [code, message])).toEqual([
      ['pool-empty', 'Rank leaves none of the 4 adapters of the pool. It is among the best 4, which are left out.'],
    ])
  })
})
