/**
 * The engine against transformers and PEFT (make_golden.py): tiny checkpoints of eight families in both spellings of config.json, and adapters through
 * rank units. Every number comes from the addon. The folder is AMALGAM_GOLDEN when it is set, so nothing here may depend on the checked-in values.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  readEvaluateLines,
  type EvaluateAdapter,
  type EvaluateItem,
  type EvaluateLine,
  type EvaluateRequest,
  type EvaluateSubject,
} from '../../src-main/engine/evaluate-request.ts'
import {
  evaluateAdapter,
  goldenRow,
  logProbability,
  lossItems,
  placeCheckpoint,
  readGoldenBatch,
  readTensorAt,
  rowsOf,
  type GoldenBatch,
} from '../helpers/golden-models.ts'
import { relativeDifference } from '../helpers/peft.ts'
import { readSafetensors, type Tensor } from '../helpers/safetensors.ts'

const folder = process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values')
const families = ['llama-linear', 'llama2', 'llama3', 'llama3-tied', 'mistral', 'mistral-window', 'qwen2', 'qwen3']
const adapterNames = ['a', 'b', 'c', 'd', 'e', 'f']
const tolerance = 1e-4

interface Addon {
  startJob(kind: string, request: string, onProgress: (progress: string) => void): { readonly promise: Promise<string> }
}

const addon = createRequire(import.meta.url)('@amalgam/native') as Addon
let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-golden-models-'))
})
afterAll(() => rmSync(scratch, { recursive: true }))

const base: EvaluateSubject = { name: 'base', terms: [] }
let files = 0
const newFile = () => join(scratch, `out-${files++}`)

/** Logits of every subject on every sequence of the batch: [subject][sequence]. */
async function logitsOf(model: string, adapters: readonly EvaluateAdapter[], subjects: readonly EvaluateSubject[], batch: GoldenBatch) {
  const outFile = newFile()
  const sequences = subjects.flatMap(() => batch.sequences)
  const subjectOf = subjects.flatMap((_, subject) => batch.sequences.map(() => subject))
  const request = { model, device: 'cpu', threads: 2, adapters, subjects, sequences, subjectOf, outFile }
  await addon.startJob('logits', JSON.stringify(request), () => {}).promise
  const tensors = readSafetensors(outFile)
  const at = (subject: number, i: number) => readTensorAt(tensors, `logits.${subject * batch.sequences.length + i}`)
  return subjects.map((_, subject) => batch.sequences.map((_, i) => at(subject, i)))
}

/** Lines of an evaluation of every item by every subject. */
async function evaluate(
  model: string,
  adapters: readonly EvaluateAdapter[],
  subjects: readonly EvaluateSubject[],
  items: readonly EvaluateItem[],
) {
  const work = subjects.flatMap((_, subject) => items.map((_, item) => [subject, item] as const))
  const outFile = newFile()
  const request: EvaluateRequest = { model, device: 'cpu', memoryBytes: 0, batchTokens: 0, adapters, subjects, items, work, outFile }
  await addon.startJob('evaluate', JSON.stringify({ ...request, threads: 2 }), () => {}).promise
  const lines = readEvaluateLines(readFileSync(outFile, 'utf8'))
  expect(lines).toHaveLength(work.length)
  return lines
}

/** Mean negative log-likelihood of the labelled tokens of one subject's lines. */
function meanLoss(lines: readonly EvaluateLine[], subject: number): number {
  let sum = 0
  let count = 0
  for (const line of lines) {
    if (line.subject !== subject) continue
    if (!('count' in line)) throw new Error(`no loss: ${JSON.stringify(line)}`)
    sum -= line.logProbability
    count += line.count
  }
  return sum / count
}

/** Every row of logits that is not padding is near the golden one. */
function expectLogits(actual: readonly Tensor[], expected: Tensor, batch: GoldenBatch): void {
  batch.sequences.forEach((sequence, i) => {
    const rows = readTensorAt(new Map([['logits', actual[i]!]]), 'logits')
    expect(rows.shape).toEqual([sequence.length, expected.shape[2]])
    sequence.forEach((_, t) => {
      const row = rows.data.subarray(t * rows.shape[1]!, (t + 1) * rows.shape[1]!)
      expect(relativeDifference(row, goldenRow(expected, i, t)), `sequence ${i}, token ${t}`).toBeLessThan(tolerance)
    })
  })
}

/** Log-probabilities of the next tokens, from the logits, where both are no padding. */
function expectNextLogProbabilities(actual: readonly Tensor[], expected: readonly (readonly number[])[], batch: GoldenBatch): void {
  batch.sequences.forEach((sequence, i) => {
    const { data, shape } = actual[i]!
    const vocabulary = shape[1]!
    for (let t = 0; t + 1 < sequence.length; t++) {
      const found = logProbability(data.subarray(t * vocabulary, (t + 1) * vocabulary), sequence[t + 1]!)
      expect(Math.abs(found - expected[i]![t]!), `sequence ${i}, token ${t}`).toBeLessThan(tolerance)
    }
  })
}

describe('base models agree with transformers', () => {
  test('the folder holds the eight families', () => {
    expect(readdirSync(join(folder, 'models'))).toEqual(expect.arrayContaining(families))
  })

  for (const family of families) {
    const golden = join(folder, 'models', family)
    const tensors = readSafetensors(join(golden, 'expected.safetensors'))
    const batch = readGoldenBatch(tensors)
    const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as {
      readonly loss: number
      readonly prompt: readonly number[]
      readonly greedy: readonly number[]
    }
    for (const config of ['config.json', 'config.v4.json']) {
      const place = () => placeCheckpoint(golden, config, join(scratch, family, config))

      test(`${family}, ${config}: logits and log-probabilities to ${tolerance}`, async () => {
        const [logits] = await logitsOf(place(), [], [base], batch)
        expectLogits(logits!, readTensorAt(tensors, 'logits'), batch)
        expectNextLogProbabilities(logits!, rowsOf(tensors, 'next_logprobs'), batch)
      })

      test(`${family}, ${config}: loss to ${tolerance}, greedy tokens equal through the cache`, async () => {
        const ask = { kind: 'generate', maxNewTokens: expected.greedy.length, stop: [] } as const
        const lines = await evaluate(place(), [], [base], [...lossItems(batch), { prompt: expected.prompt, ask }])
        const generated = lines.find((line) => 'tokens' in line)
        expect(generated).toMatchObject({ tokens: expected.greedy, ended: false })
        const losses = lines.filter((line) => line !== generated)
        expect(Math.abs(meanLoss(losses, 0) - expected.loss)).toBeLessThan(tolerance * expected.loss)
      })
    }
  }
})

describe('adapters through rank units agree with PEFT', () => {
  const tensors = readSafetensors(join(folder, 'lora/expected.safetensors'))
  const losses = JSON.parse(readFileSync(join(folder, 'lora/expected.json'), 'utf8')) as Readonly<Record<string, number>>
  const batch = readGoldenBatch(tensors)
  const adapters = adapterNames.map((name) => evaluateAdapter(name, join(folder, 'adapters', name)))
  const subjects = adapterNames.map((name, adapter): EvaluateSubject => ({ name, terms: [{ adapter, coefficients: 1 }] }))
  const place = () => placeCheckpoint(join(folder, 'models/llama3'), 'config.json', join(scratch, 'llama3-adapters'))

  test(`logits of every adapter to ${tolerance}, all in one job`, async () => {
    const logits = await logitsOf(place(), adapters, subjects, batch)
    adapterNames.forEach((name, i) => expectLogits(logits[i]!, readTensorAt(tensors, `logits.${name}`), batch))
  })

  test(`loss of every adapter to ${tolerance}, all in one job`, async () => {
    const lines = await evaluate(place(), adapters, subjects, lossItems(batch))
    adapterNames.forEach((name, i) => {
      const expected = losses[`loss.${name}`]!
      expect(Math.abs(meanLoss(lines, i) - expected), name).toBeLessThan(tolerance * expected)
    })
  })

  test('an adapter at coefficient 0 leaves the base model bit for bit', async () => {
    const off: EvaluateSubject = { name: 'off', terms: [{ adapter: 0, coefficients: adapters[0]!.modules.map(() => 0) }] }
    const [plain, zero] = await logitsOf(place(), adapters, [base, off], batch)
    zero!.forEach((tensor, i) => expect(Buffer.from(tensor.data.buffer).equals(Buffer.from(plain![i]!.data.buffer))).toBe(true))
  })
})
