import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EvaluateOutcome, EvaluateRequest } from '../../src-main/engine/evaluate-request.ts'
import { benchGemm, benchLearn, evaluateAlone } from './engine-cli.ts'
import { llama125m, makeCheckpoint, type LlamaSizes } from './make-checkpoint.ts'
import { makeItems, makePool } from './pool.ts'
import { median, type Measure, type Trial } from './trial.ts'

const candidates = 16
const adapters = 4
const rank = 16
const rounds = 3
const batchSizes = { tokens: 256, batch: 2, rank, threads: 2 }

/** Work of a token in the bound that the issue of adapting names: 0.41 GFLOP. */
const gflopPerToken = 0.41

/** Training and tuning against the products of matrices, against each other, and against PyTorch, where there is one. */
function measureLearning(scratch: string): readonly Measure[] {
  const before = forwardGflops()
  const learned = benchLearn()
  const bound = median([before, forwardGflops()]) / gflopPerToken
  const { training, trainingRecomputed, droppedTraining, tuning, tuningRecomputed, wideTuning } = learned
  const sizes = `125M, rank ${rank}, T = ${batchSizes.tokens}, batch ${batchSizes.batch}`
  return [
    { name: 'training / bound of the products', value: training.tokensPerSecond / bound, unit: 'times', limit: 0.6, atLeast: true, note: sizes }, // prettier-ignore
    { name: 'training / its own products alone', value: training.ofBound, unit: 'times' },
    { name: 'training', value: training.tokensPerSecond, unit: 'tokens/s', note: `${training.gflopPerToken.toFixed(3)} GFLOP per token` },
    { name: 'training with dropout 0.1', value: droppedTraining.tokensPerSecond, unit: 'tokens/s' },
    { name: 'training, layers computed anew', value: trainingRecomputed.tokensPerSecond, unit: 'tokens/s', note: memoryNote(trainingRecomputed, training) }, // prettier-ignore
    { name: 'tuning / training', value: tuning.tokensPerSecond / training.tokensPerSecond, unit: 'times', limit: 1, atLeast: true, note: `through as many units: ${adapters} adapters of rank ${rank / adapters}` }, // prettier-ignore
    { name: 'tuning', value: tuning.tokensPerSecond, unit: 'tokens/s', note: `${tuning.gflopPerToken.toFixed(3)} GFLOP per token` },
    { name: 'tuning, layers computed anew', value: tuningRecomputed.tokensPerSecond, unit: 'tokens/s', note: memoryNote(tuningRecomputed, tuning) }, // prettier-ignore
    { name: 'tuning four times the units / training', value: wideTuning.tokensPerSecond / training.tokensPerSecond, unit: 'times', note: `${adapters} adapters of rank ${rank}, ${wideTuning.gflopPerToken.toFixed(3)} GFLOP per token` }, // prettier-ignore
    ...measureTorch(scratch, training.tokensPerSecond),
  ]
}

const forwardGflops = () =>
  median(
    benchGemm()
      .rows.filter(({ rows, name, weights }) => rows >= 512 && name === 'forward' && weights === 'f32')
      .map(({ gflops }) => gflops),
  )

const memoryNote = (anew: { readonly bytes: number }, kept: { readonly bytes: number }) =>
  `${Math.round(anew.bytes / 1e6)} MB of working memory instead of ${Math.round(kept.bytes / 1e6)}`

/** The same training step in PyTorch with PEFT, in the Python that AMALGAM_TORCH_PYTHON names. */
function measureTorch(scratch: string, tokensPerSecond: number): readonly Measure[] {
  const python = process.env['AMALGAM_TORCH_PYTHON']
  if (python === undefined) {
    console.log('  PyTorch and PEFT: skipped, AMALGAM_TORCH_PYTHON names no Python that has them')
    return []
  }
  const script = join(import.meta.dirname, '../../scripts/bench-torch.py')
  const sizes = join(scratch, 'sizes.json')
  writeFileSync(sizes, JSON.stringify({ ...llama125m, ...batchSizes }))
  const torch: { readonly tokensPerSecond: number; readonly version: string } = JSON.parse(
    execFileSync(python, [script, sizes], { encoding: 'utf8' }),
  )
  return [
    { name: 'training / PyTorch and PEFT', value: tokensPerSecond / torch.tokensPerSecond, unit: 'times', limit: 1.5, atLeast: true, note: `${torch.version}, f32, two threads` }, // prettier-ignore
    { name: 'training in PyTorch and PEFT', value: torch.tokensPerSecond, unit: 'tokens/s' },
  ]
}

const evaluatingSeconds = ({ seconds, loadSeconds }: EvaluateOutcome) => seconds - loadSeconds
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Candidates that differ in the coefficients of the same adapters: all in one job against one job each. */
function measurePopulation(scratch: string, sizes: LlamaSizes): readonly Measure[] {
  makeCheckpoint(join(scratch, 'base'), sizes)
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
      subjects: chosen.map((candidate) => ({
        name: `candidate-${candidate}`,
        terms: pool.map((_, adapter) => ({ adapter, coefficients: ((candidate * adapters + adapter) % 7) / 14 - 0.2 })),
      })),
      items,
      work: chosen.flatMap((_, subject) => items.map((__, item) => [subject, item] as const)),
      outFile,
    }
    return evaluateAlone(scratch, request)
  }
  const all = Array.from({ length: candidates }, (_, index) => index)
  evaluate([0]) // the files are in memory from here on
  const together: EvaluateOutcome[] = []
  const apart: (readonly EvaluateOutcome[])[] = []
  for (let round = 0; round < rounds; round++) {
    together.push(evaluate(all))
    apart.push(all.map((index) => evaluate([index])))
  }
  const seconds = median(together.map(evaluatingSeconds))
  const unitBytes = (outcome: EvaluateOutcome | undefined) => outcome?.estimate.units ?? Number.NaN
  return [
    {
      name: 'a population in one job / one by one',
      value: seconds / median(apart.map((outcomes) => sum(outcomes.map(evaluatingSeconds)))),
      unit: 'times',
      limit: 1,
      note: `${candidates} candidates of the same ${adapters} adapters, without loading`,
    },
    {
      name: "a population's units in memory / one candidate's",
      value: unitBytes(together[0]) / unitBytes(apart[0]?.[0]),
      unit: 'times',
      limit: 1.05,
      note: 'each has coefficients of its own',
    },
    { name: 'judging a population', value: (together[0]?.tokens ?? Number.NaN) / seconds, unit: 'tokens/s' },
  ]
}

/** The base model of the population's part has this many layers; AMALGAM_BENCH_ONE_LAYER makes it one, to see quickly that it works. */
const layers = process.env['AMALGAM_BENCH_ONE_LAYER'] === undefined ? llama125m.layers : 1

export const learn: Trial = {
  name: 'learn',
  summary: 'training an adapter, tuning coefficients and judging a population, through a random Llama of 125M parameters on two threads',
  run: (scratch) => Promise.resolve([...measureLearning(scratch), ...measurePopulation(scratch, { ...llama125m, layers })]),
}
