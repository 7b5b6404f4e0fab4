/**
 * A LoRA trained for 20 steps of AdamW with clipping and weight decay, against PyTorch and PEFT (make_golden.py), from the same first factors. Every number
 * comes from the addon's job "learn". The folder is AMALGAM_GOLDEN when it is set, so nothing here may depend on the checked-in values.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { goldenExamples, largestDistance, learnTrajectory } from '../helpers/golden-learning.ts'
import { placeCheckpoint, readTensorAt } from '../helpers/golden-models.ts'
import { readSafetensors, writeSafetensors, type Tensor } from '../helpers/safetensors.ts'

const folder = process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values')
const golden = join(folder, 'training')
const tolerance = 1e-3
// make_golden.py: r=4, lora_alpha=8
const scaling = 2

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-golden-training-'))
})
afterAll(() => rmSync(scratch, { recursive: true }))

interface Expected {
  readonly losses: readonly number[]
  readonly lr: number
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly weight_decay: number
  readonly clip_norm: number
  readonly schedule: 'constant'
}

/** The tensors of one prefix, without it. */
function tensorsOf(tensors: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Tensor> {
  return new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [name.slice(prefix.length), tensor]))
}

/** Target modules of factors named as PEFT names them. */
function modulesOf(factors: ReadonlyMap<string, Tensor>) {
  return [...factors.keys()]
    .filter((name) => name.endsWith('.lora_A.weight'))
    .map((a) => {
      const b = a.replace('.lora_A.', '.lora_B.')
      const [rank = 0, inputs = 0] = readTensorAt(factors, a).shape
      const name = a.slice('base_model.model.'.length, -'.lora_A.weight'.length)
      return { name, a, b, rank, in: inputs, out: readTensorAt(factors, b).shape[0] ?? 0, scaling }
    })
}

test(`losses of 20 steps and the last factors to ${tolerance}`, async () => {
  const tensors = readSafetensors(join(golden, 'expected.safetensors'))
  const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Expected
  const first = tensorsOf(tensors, 'first.')
  const weightsFile = join(scratch, 'first.safetensors')
  writeSafetensors(weightsFile, first)
  const modules = modulesOf(first)
  const { outcome, losses, outFile } = await learnTrajectory({
    model: placeCheckpoint(join(folder, 'models/llama3'), 'config.json', join(scratch, 'model')),
    adapters: [{ name: 'trained', key: 'trained', weightsFile, modules, train: 'both', fresh: null, maskFile: null, dropout: 0 }],
    examples: goldenExamples(tensors),
    coefficients: null,
    optimiser: {
      rate: expected.lr,
      coefficientRate: 0,
      bRatio: 1,
      beta1: expected.betas[0],
      beta2: expected.betas[1],
      epsilon: expected.eps,
      weightDecay: expected.weight_decay,
      clipNorm: expected.clip_norm,
      clipEach: false,
      schedule: expected.schedule,
      warmupSteps: 0,
    },
    steps: expected.losses.length,
    folder: scratch,
  })
  expect(outcome).toMatchObject({ stopped: 'done', chosenStep: expected.losses.length })
  expect(largestDistance(losses, expected.losses)).toBeLessThan(tolerance)
  const trained = readSafetensors(outFile)
  const last = tensorsOf(tensors, 'last.')
  expect([...trained.keys()].sort()).toEqual([...last.keys()].sort())
  for (const [name, tensor] of last) {
    expect(largestDistance(readTensorAt(trained, name).data, tensor.data), name).toBeLessThan(tolerance)
  }
})
