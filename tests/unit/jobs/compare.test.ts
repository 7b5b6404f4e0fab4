import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Refusal, errorProblem } from '../../../src-main/contract/problems.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import type { CompareRequest } from '../../../src-main/engine/replies.ts'
import type { TinyAdapter } from '../../helpers/adapters.ts'
import { readSafetensors, type Tensor } from '../../helpers/safetensors.ts'
import { openBench, type Bench } from './bench.ts'

const engine = createEngine({ threads: 2 })
let bench: Bench
beforeEach(() => {
  bench = openBench()
})
afterEach(async () => {
  await bench.close()
  rmSync(bench.folder, { recursive: true, force: true })
})

async function addAll(options: readonly TinyAdapter[]): Promise<string[]> {
  const ids: string[] = []
  for (const [index, option] of options.entries()) ids.push((await bench.add(`a${index}`, { seed: index + 1, layers: 1, ...option })).id!)
  return ids
}

async function compare(ids: readonly string[], target = bench) {
  const { jobId, problems } = target.queue.start('compare', { ids })
  if (jobId === null) return { job: null, problems, result: null }
  const job = await target.queue.whenEnded(jobId)
  return { job, problems, result: (await target.queue.get(jobId))?.result }
}

/** The update of every module, dense: scaling * B * A. */
function deltasOf(folder: string, scaling: number): Map<string, Float64Array> {
  const tensors = readSafetensors(join(folder, 'adapter_model.safetensors'))
  const deltas = new Map<string, Float64Array>()
  for (const [name, a] of tensors) {
    if (!name.includes('lora_A')) continue
    const b = tensors.get(name.replace('lora_A', 'lora_B'))!
    deltas.set(name, product(b, a, scaling))
  }
  return deltas
}

function product(b: Tensor, a: Tensor, scaling: number): Float64Array {
  const [rank = 0, input = 0] = a.shape
  const [output = 0] = b.shape
  const delta = new Float64Array(output * input)
  for (let i = 0; i < output; i++)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < input; j++) delta[i * input + j]! += scaling * b.data[i * rank + k]! * a.data[k * input + j]!
  return delta
}

function cosineOf(one: Map<string, Float64Array>, other: Map<string, Float64Array>): number {
  const inner = (x: Map<string, Float64Array>, y: Map<string, Float64Array>) =>
    [...x].reduce((sum, [name, values]) => sum + values.reduce((part, value, i) => part + value * (y.get(name)?.[i] ?? 0), 0), 0)
  return inner(one, other) / Math.sqrt(inner(one, one) * inner(other, other))
}

describe.skipIf(loadBinding().binding === null)('with the native core', () => {
  test('cosines are those of the dense updates, whatever rank, dtype, alpha and targets', async () => {
    const options: TinyAdapter[] = [
      {},
      { r: 2, alpha: 16 },
      { dtype: 'BF16' },
      { dtype: 'F16', targets: ['q_proj', 'down_proj'] },
      { dtype: 'BF16', r: 8, layers: 2 },
    ]
    const ids = await addAll(options)
    const { job, result } = await compare(ids)
    expect(job).toMatchObject({ state: 'done', title: 'Compare 5 adapters', problems: [] })
    expect(result).toEqual({ adapters: 5, leftOut: 0, pairs: 10, knownBefore: 0, compared: 10 })
    const { adapters, cosines, pairsKnown, pairsTotal } = await bench.library.similarities.similarity(ids)
    expect([pairsKnown, pairsTotal]).toEqual([10, 10])
    expect(adapters.map(({ id }) => id)).toEqual(ids)
    const deltas = options.map(({ r = 4, alpha = 8 }, index) => deltasOf(join(bench.folder, 'pool', `a${index}`), alpha / r))
    for (const [row, one] of deltas.entries())
      for (const [column, other] of deltas.entries()) expect(cosines[row]![column]).toBeCloseTo(cosineOf(one, other), 6)
    expect(new Set(cosines.flat()).size).toBeGreaterThan(8)
  })

  test('a negation has -1, the same update in other factors 1, and is a near duplicate', async () => {
    const negate: TinyAdapter['edit'] = (tensors) =>
      new Map(
        [...tensors].map(([name, tensor]) => [
          name,
          name.includes('lora_B') ? { ...tensor, data: Array.from(tensor.data, (x) => -x) } : tensor,
        ]),
      )
    // A doubled, B halved: exact in float.
    const turn: TinyAdapter['edit'] = (tensors) =>
      new Map(
        [...tensors].map(([name, tensor]) => [
          name,
          { ...tensor, data: Array.from(tensor.data, (x) => x * (name.includes('lora_B') ? 0.5 : 2)) },
        ]),
      )
    const ids = await addAll([{ seed: 1 }, { seed: 1, edit: negate }, { seed: 1, edit: turn }, { seed: 5 }])
    await compare(ids)
    const { cosines } = await bench.library.similarities.similarity(ids)
    expect(cosines[0]![1]).toBeCloseTo(-1, 6)
    expect(cosines[0]![2]).toBeCloseTo(1, 6)
    expect(cosines[1]![2]).toBeCloseTo(-1, 6)
    expect(Math.abs(cosines[0]![3]!)).toBeLessThan(0.5)
    const { families } = bench.library.similarities.families(0.99)
    expect(families).toEqual([{ ids: [ids[0], ids[2]], names: ['a0', 'a2'], lowest: cosines[0]![2], highest: cosines[0]![2] }])
  })

  test('what is known is not compared again, and one more is compared with the others alone', async () => {
    const ids = await addAll([{}, {}, {}, {}])
    const calls: CompareRequest[] = []
    await bench.close()
    bench = openBench({}, bench.folder, {
      engine: {
        compare(request, run) {
          calls.push(request)
          return engine.compare(request, run)
        },
      },
    })
    expect((await compare(ids.slice(0, 3))).result).toMatchObject({ compared: 3, knownBefore: 0 })
    expect((await compare(ids.slice(0, 3))).result).toMatchObject({ compared: 0, knownBefore: 3 })
    expect((await compare(ids)).result).toMatchObject({ compared: 3, knownBefore: 3, pairs: 6 })
    expect(calls.map(({ left, right }) => [left.length, right?.length ?? null])).toEqual([
      [3, null],
      [1, 3],
    ])
  })

  test('adapters that cannot be compared are left out by name; with fewer than two nothing starts', async () => {
    const ids = await addAll([{}, {}, { config: { use_dora: true } }])
    const { job, problems, result } = await compare([...ids, 'nobody', ids[0]!])
    expect(problems.map(({ code, severity }) => [code, severity])).toEqual([
      ['adapter-not-mergeable', 'warning'],
      ['adapter-unknown', 'warning'],
    ])
    expect(job?.problems).toHaveLength(2)
    expect(result).toMatchObject({ adapters: 2, pairs: 1, compared: 1 })
    const none = await compare([ids[0]!, ids[2]!])
    expect(none.job).toBeNull()
    expect(none.problems[0]).toMatchObject({ code: 'too-few-adapters', severity: 'error' })
  })

  test('files that went or changed since are left out, and the others compared', async () => {
    const ids = await addAll([{}, {}, {}, {}])
    rmSync(join(bench.folder, 'pool', 'a1'), { recursive: true })
    const { job, result } = await compare(ids)
    expect(job).toMatchObject({ state: 'done', problems: [{ code: 'file-missing', severity: 'warning' }] })
    expect(result).toEqual({ adapters: 3, leftOut: 1, pairs: 3, knownBefore: 0, compared: 3 })
  })

  test('a file that the core refuses in the middle is left out, and its block done without it', async () => {
    const ids = await addAll([{}, {}, {}])
    await bench.close()
    bench = openBench({}, bench.folder, {
      engine: {
        async compare(request, run) {
          const bad = request.left.find(({ weightsFile }) => weightsFile.includes('a2'))
          if (bad) throw new Refusal([errorProblem('file-changed', 'changed', { where: { path: bad.weightsFile } })])
          return engine.compare(request, run)
        },
      },
    })
    const { job, result } = await compare(ids)
    expect(job).toMatchObject({ state: 'done', problems: [{ code: 'file-changed', severity: 'warning' }] })
    expect(result).toMatchObject({ adapters: 2, leftOut: 1, compared: 1 })
  })

  test('a process killed in mid-comparison keeps its finished blocks; run again, the job loses no pair and stores none twice', async () => {
    // Units too large to stand in one block, so that there are several.
    const ids = await addAll(Array.from({ length: 5 }, () => ({ r: 2000, targets: ['q_proj'] }))) // prettier-ignore
    const child = spawn(process.execPath, [join(import.meta.dirname, 'compare-child.ts'), bench.folder, JSON.stringify(ids)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const pairs = async () => (await bench.library.similarities.similarity(ids)).pairsKnown
    const kept = await pairs()
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(10)
    await bench.close()
    bench = openBench({}, bench.folder)
    await bench.queue.open()
    const [killed] = bench.queue.list()
    expect(killed?.state).toBe('interrupted')
    const again = bench.queue.runAgain(killed!.id)
    expect(await bench.queue.whenEnded(again.jobId!)).toMatchObject({ state: 'done', problems: [] })
    expect((await bench.queue.get(again.jobId!))?.result).toMatchObject({ knownBefore: kept, compared: 10 - kept, pairs: 10 })
    expect(await pairs()).toBe(10)
  })

  test('a cancelled job keeps what it finished, and tells its progress in pairs', async () => {
    const ids = await addAll(Array.from({ length: 5 }, () => ({ r: 2000, targets: ['q_proj'] }))) // prettier-ignore
    await bench.close()
    let calls = 0
    bench = openBench({}, bench.folder, {
      engine: {
        compare(request, run) {
          calls += 1
          if (calls === 2) bench.queue.cancel(bench.queue.list()[0]!.id)
          return engine.compare(request, run)
        },
      },
    })
    const { job } = await compare(ids)
    expect(job?.state).toBe('cancelled')
    expect((await bench.library.similarities.similarity(ids)).pairsKnown).toBeGreaterThan(0)
    expect(bench.told.some(({ progress }) => progress?.stage === 'comparing' && progress.unit === 'pairs')).toBe(true)
    expect((await compare(ids)).result).toMatchObject({ pairs: 10 })
    expect((await bench.library.similarities.similarity(ids)).pairsKnown).toBe(10)
  })
})
