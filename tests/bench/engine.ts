import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EvaluateOutcome, EvaluateRequest } from '../../src-main/engine/evaluate-request.ts'
import { benchGemm, benchScore, evaluateAlone } from './engine-cli.ts'
import { forgetFile, readSeconds } from './inspect.ts'
import { llama125m, makeCheckpoint, type LlamaSizes } from './make-checkpoint.ts'
import { makeItems, makePool } from './pool.ts'
import { median, type Measure, type Trial } from './trial.ts'

const adapters = 8
const rank = 16
const rounds = 3
const coldRounds = 5

/** Work of a token in the bound that the issue of the engine names: 0.2 GFLOP. */
const gflopPerToken = 0.2

/** Matrix products against the peak, and scoring against the products and against PyTorch, where there is one. */
function measureArithmetic(scratch: string): readonly Measure[] {
  const gemm = benchGemm()
  const { score, decode } = benchScore()
  const long = gemm.rows.filter((row) => row.rows >= 512 && row.name !== 'rank 16')
  const slowest = long.reduce((one, other) => (other.ofPeak < one.ofPeak ? other : one))
  const forward = median(long.filter(({ name, weights }) => name === 'forward' && weights === 'f32').map(({ gflops }) => gflops))
  const bound = forward / gflopPerToken
  return [
    { name: 'slowest matrix product / peak', value: slowest.ofPeak, unit: 'times', limit: 0.75, atLeast: true, note: `${slowest.name}, ${slowest.weights}, ${slowest.rows} rows` }, // prettier-ignore
    { name: 'peak of fused multiply-adds', value: gemm.peakGflops, unit: 'GFLOP/s' },
    { name: 'scoring / bound of the products', value: score.tokensPerSecond / bound, unit: 'times', limit: 0.7, atLeast: true, note: '125M, T = 256, batch 2' }, // prettier-ignore
    { name: 'scoring / its own products alone', value: score.ofBound, unit: 'times' },
    { name: 'scoring', value: score.tokensPerSecond, unit: 'tokens/s' },
    ...decode.map(({ batch, tokensPerSecond, ofBound }) => ({
      name: `decoding, ${batch} at a time`,
      value: tokensPerSecond,
      unit: 'tokens/s',
      note: `${ofBound.toFixed(2)} of its products alone`,
    })),
    ...measureTorch(scratch, score.tokensPerSecond),
  ]
}

/** The same model in PyTorch, in the Python that AMALGAM_TORCH_PYTHON names. */
function measureTorch(scratch: string, tokensPerSecond: number): readonly Measure[] {
  const python = process.env['AMALGAM_TORCH_PYTHON']
  if (python === undefined) {
    console.log('  PyTorch: skipped, AMALGAM_TORCH_PYTHON names no Python that has it')
    return []
  }
  const script = join(import.meta.dirname, '../../scripts/bench-torch.py')
  const sizes = join(scratch, 'sizes.json')
  writeFileSync(sizes, JSON.stringify({ ...llama125m, tokens: 256, batch: 2, threads: 2 }))
  const torch: { readonly tokensPerSecond: number; readonly version: string } = JSON.parse(
    execFileSync(python, [script, sizes], { encoding: 'utf8' }),
  )
  return [
    { name: 'scoring / PyTorch', value: tokensPerSecond / torch.tokensPerSecond, unit: 'times', limit: 1, atLeast: true, note: `${torch.version}, f32, two threads` }, // prettier-ignore
    { name: 'scoring in PyTorch', value: torch.tokensPerSecond, unit: 'tokens/s' },
  ]
}

const evaluatingSeconds = ({ seconds, loadSeconds }: EvaluateOutcome) => seconds - loadSeconds
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** A pool in one job against one job for each adapter, and what loading takes. */
function measurePool(scratch: string, sizes: LlamaSizes): readonly Measure[] {
  const weightsFile = makeCheckpoint(join(scratch, 'base'), sizes)
  const pool = makePool(scratch, sizes, adapters, rank)
  const items = makeItems(sizes.vocabulary)
  const outFile = join(scratch, 'lines.jsonl')
  const evaluate = (chosen: readonly number[]): EvaluateOutcome => {
    rmSync(outFile, { force: true })
    const request: EvaluateRequest = {
      model: join(scratch, 'base'),
      device: 'cpu',
      memoryBytes: 0,
      batchTokens: 0,
      adapters: pool,
      subjects: chosen.map((adapter) => ({ name: `adapter-${adapter}`, terms: [{ adapter, coefficients: 1 }] })),
      items,
      work: chosen.flatMap((_, subject) => items.map((__, item) => [subject, item] as const)),
      outFile,
    }
    return evaluateAlone(scratch, request)
  }
  const all = pool.map((_, index) => index)
  evaluate([0]) // the files are in memory from here on
  const batched: EvaluateOutcome[] = []
  const oneByOne: (readonly EvaluateOutcome[])[] = []
  const reads: number[] = []
  for (let round = 0; round < rounds; round++) {
    batched.push(evaluate(all))
    oneByOne.push(all.map((index) => evaluate([index])))
    reads.push(readSeconds([weightsFile]))
  }
  const together = median(batched.map(evaluatingSeconds))
  const apart = median(oneByOne.map((outcomes) => sum(outcomes.map(evaluatingSeconds))))
  const whole = median(batched.map(({ seconds }) => seconds)) / median(oneByOne.map((jobs) => sum(jobs.map(({ seconds }) => seconds))))
  const warmLoad = median([...batched, ...oneByOne.flat()].map(({ loadSeconds }) => loadSeconds))
  const over = Math.max(...batched.map(({ peakBytes, estimate }) => peakBytes - estimate.total))

  const canForget = forgetFile(weightsFile)
  // The disk is shared: reading and loading take turns, and the best of each counts.
  const cold = Array.from({ length: coldRounds }, () => {
    forgetFile(weightsFile)
    const read = readSeconds([weightsFile])
    forgetFile(weightsFile)
    return { read, load: evaluate([0]).loadSeconds }
  })
  const coldRead = Math.min(...cold.map(({ read }) => read))
  const coldLoad = Math.min(...cold.map(({ load }) => load))
  const from = canForget ? 'files on the disk, not in memory' : 'files in memory: they could not be dropped from it'
  return [
    { name: 'pool in one job / the same batches one by one', value: together / apart, unit: 'times', limit: 1.1, note: 'without loading' },
    {
      name: 'pool in one job / one job for each adapter',
      value: whole,
      unit: 'times',
      limit: 1,
      note: `${adapters} adapters of rank ${rank}`,
    },
    {
      name: 'loading / plain read of the file',
      value: coldLoad / coldRead,
      unit: 'times',
      limit: 1.3,
      note: `${from}; best of ${coldRounds} each`,
    },
    { name: 'reading from the disk', value: coldRead, unit: 's' },
    { name: 'the same with the file in memory', value: warmLoad / median(reads), unit: 'times' },
    { name: 'peak memory beyond the estimate', value: over / 1e6, unit: 'MB', limit: 64 },
    { name: 'scoring the pool', value: (batched[0]?.tokens ?? Number.NaN) / together, unit: 'tokens/s' },
  ]
}

/** The base model of the pool's part has this many layers; AMALGAM_BENCH_ONE_LAYER makes it one, to see quickly that it works. */
const layers = process.env['AMALGAM_BENCH_ONE_LAYER'] === undefined ? llama125m.layers : 1

export const engine: Trial = {
  name: 'engine',
  summary: 'matrix products, scoring, a pool of 8 adapters in one job and loading, of a random Llama of 125M parameters on two threads',
  run: (scratch) => Promise.resolve([...measureArithmetic(scratch), ...measurePool(scratch, { ...llama125m, layers })]),
}
