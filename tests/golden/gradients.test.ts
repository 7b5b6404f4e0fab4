/**
 * Gradients against PyTorch and PEFT (make_golden.py): of every module's coefficient of three adapters at once, and of the factors of one. Every number comes
 * from the addon's job "gradients". The folder is AMALGAM_GOLDEN when it is set, so nothing here may depend on the checked-in values.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'valibot'
import { gradientsOutcomeSchema, type GradientsRequest } from '../../src-main/engine/gradients-request.ts'
import type { LearnActivation, LearnAdapter, LearnExample, Trained } from '../../src-main/engine/learn-request.ts'
import { evaluateAdapter, placeCheckpoint, readGoldenBatch, readTensorAt, rowsOf } from '../helpers/golden-models.ts'
import { readSafetensors, type Tensor } from '../helpers/safetensors.ts'

const folder = process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values')
const tolerance = 1e-4

interface Addon {
  startJob(kind: string, request: string, onProgress: (progress: string) => void): { readonly promise: Promise<string> }
}

const addon = createRequire(import.meta.url)('@amalgam/native') as Addon
let scratch = ''
let model = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-golden-gradients-'))
  model = placeCheckpoint(join(folder, 'models/llama3'), 'config.json', join(scratch, 'model'))
})
afterAll(() => rmSync(scratch, { recursive: true }))

function learnAdapter(name: string, train: Trained): LearnAdapter {
  const { weightsFile, modules } = evaluateAdapter(name, join(folder, 'adapters', name))
  return { name, key: name, weightsFile, modules, train, fresh: null, maskFile: null, dropout: 0 }
}

/** The labelled tokens as answers. */
function examplesOf(tensors: ReadonlyMap<string, Tensor>): LearnExample[] {
  const { sequences, unlabelled } = readGoldenBatch(tensors)
  return sequences.map((sequence, i) => ({ prompt: sequence.slice(0, unlabelled[i]), answer: sequence.slice(unlabelled[i]), group: 0 }))
}

interface Asked {
  readonly adapters: readonly LearnAdapter[]
  readonly examples: readonly LearnExample[]
  readonly activation: LearnActivation
  readonly raw: number
  readonly outFile?: string
  readonly passExamples?: number
}

async function gradientsOf({ adapters, examples, activation, raw, outFile, passExamples = 64 }: Asked) {
  const request: GradientsRequest = {
    model,
    device: 'cpu',
    memoryBytes: 0,
    passTokens: 4096,
    passExamples,
    adapters,
    coefficients: adapters.map(({ modules }) => modules.map(() => raw)),
    activation,
    objective: 'cross_entropy',
    examples,
    outFile: outFile ?? null,
  }
  const outcome = await addon.startJob('gradients', JSON.stringify({ ...request, threads: 2 }), () => {}).promise
  return parse(gradientsOutcomeSchema, JSON.parse(outcome))
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length)
  return Array.from(expected, (value, i) => Math.abs(actual[i]! - value)).reduce((most, one) => Math.max(most, one), 0)
}

describe('gradients of coefficients agree with PyTorch', () => {
  const tensors = readSafetensors(join(folder, 'coefficients/expected.safetensors'))
  const expected = JSON.parse(readFileSync(join(folder, 'coefficients/expected.json'), 'utf8')) as Readonly<Record<string, unknown>>
  const names = expected['adapters'] as readonly string[]
  const modules = expected['modules'] as readonly string[]

  for (const activation of ['identity', 'leaky_relu'] as const) {
    const loss = expected[`${activation}.loss`] as number
    const raw = expected[`${activation}.start`] as number
    for (const passExamples of [64, 1]) {
      test(`${activation} from ${raw}, ${passExamples} to a pass: loss and every coefficient to ${tolerance}`, async () => {
        const adapters = names.map((name) => learnAdapter(name, 'none'))
        const outcome = await gradientsOf({ adapters, examples: examplesOf(tensors), activation, raw, passExamples })
        expect(Math.abs(outcome.loss - loss)).toBeLessThan(tolerance)
        // Rows are modules and columns adapters; an adapter without the module has 0.
        const actual = modules.flatMap((module) =>
          adapters.map((adapter, a) => {
            const place = adapter.modules.findIndex(({ name }) => name === module)
            return place === -1 ? 0 : outcome.gradients[a]![place]!
          }),
        )
        const rows = rowsOf(tensors, `${activation}.grad`).flat()
        expect(largestDifference(actual, rows)).toBeLessThan(tolerance)
        expect(largestDifference(rows.map(() => 0), rows), 'the gradients to compare with').toBeGreaterThan(10 * tolerance)
      })
    }
  }
})

describe('gradients of factors agree with PEFT', () => {
  test(`adapter a: loss and every entry of A and B to ${tolerance}`, async () => {
    const tensors = readSafetensors(join(folder, 'lora/expected.safetensors'))
    const losses = JSON.parse(readFileSync(join(folder, 'lora/expected.json'), 'utf8')) as Readonly<Record<string, number>>
    const outFile = join(scratch, 'gradients.safetensors')
    const adapters = [learnAdapter('a', 'both')]
    const outcome = await gradientsOf({ adapters, examples: examplesOf(tensors), activation: 'identity', raw: 1, outFile })
    expect(Math.abs(outcome.loss - losses['loss.a']!)).toBeLessThan(tolerance)
    const actual = readSafetensors(outFile)
    const names = [...tensors.keys()].filter((name) => name.startsWith('grad.')).map((name) => name.slice('grad.'.length))
    expect([...actual.keys()].sort()).toEqual(names.sort())
    for (const name of names) {
      const gradient = readTensorAt(tensors, `grad.${name}`)
      expect(readTensorAt(actual, name).shape).toEqual(gradient.shape)
      expect(largestDifference(readTensorAt(actual, name).data, gradient.data), name).toBeLessThan(tolerance)
      expect(Math.max(...gradient.data.map(Math.abs)), `${name}, the gradient to compare with`).toBeGreaterThan(10 * tolerance)
    }
  })
})
