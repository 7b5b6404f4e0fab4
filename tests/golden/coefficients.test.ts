/**
 * Coefficients tuned for 20 steps of AdamW with warm-up and cosine, against PyTorch and PEFT (make_golden.py): a raw number per module and adapter, as it is
 * and through leaky ReLU from 0 on. Every number comes from the addon's job "learn". The folder is AMALGAM_GOLDEN when it is set, so nothing here may depend on
 * the checked-in values. The gradients themselves are judged in gradients.test.ts.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { goldenExamples, largestDistance, learnTrajectory } from '../helpers/golden-learning.ts'
import { evaluateAdapter, placeCheckpoint, rowsOf } from '../helpers/golden-models.ts'
import { readSafetensors } from '../helpers/safetensors.ts'

const folder = process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values')
const golden = join(folder, 'coefficients')
const tolerance = 1e-4

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-golden-coefficients-'))
})
afterAll(() => rmSync(scratch, { recursive: true }))

interface Expected {
  readonly adapters: readonly string[]
  readonly modules: readonly string[]
  readonly 'identity.start': number
  readonly 'identity.losses': readonly number[]
  readonly 'leaky_relu.start': number
  readonly 'leaky_relu.losses': readonly number[]
}

for (const activation of ['identity', 'leaky_relu'] as const) {
  test(`${activation}: losses of 20 steps and the last raw numbers to ${tolerance}`, async () => {
    const tensors = readSafetensors(join(golden, 'expected.safetensors'))
    const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Expected
    const start = expected[`${activation}.start`]
    const place = join(scratch, activation)
    mkdirSync(place)
    const adapters = expected.adapters.map((name) => {
      const { weightsFile, modules } = evaluateAdapter(name, join(folder, 'adapters', name))
      return { name, key: name, weightsFile, modules, train: 'none', fresh: null, maskFile: null, dropout: 0 } as const
    })
    const { outcome, losses } = await learnTrajectory({
      model: placeCheckpoint(join(folder, 'models/llama3'), 'config.json', join(place, 'model')),
      adapters,
      examples: goldenExamples(tensors),
      coefficients: { train: true, granularity: 'module', activation, start: { kind: 'constant', value: start } },
      optimiser: {
        rate: 0,
        coefficientRate: 5e-2,
        bRatio: 1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
        clipNorm: 0,
        clipEach: false,
        schedule: 'cosine',
        warmupSteps: 2,
      },
      steps: expected[`${activation}.losses`].length,
      folder: place,
    })
    expect(outcome).toMatchObject({ stopped: 'done', chosenStep: expected[`${activation}.losses`].length })
    expect(largestDistance(losses, expected[`${activation}.losses`])).toBeLessThan(tolerance)
    // An adapter without the module keeps its start there.
    const raw = expected.modules.map((module) =>
      adapters.map(({ modules }, i) => outcome.raw[i]![modules.findIndex(({ name }) => name === module)] ?? start),
    )
    expect(largestDistance(raw.flat(2), rowsOf(tensors, `${activation}.final`).flat())).toBeLessThan(tolerance)
  })
}
