import { expect, test } from 'vitest'
import type { AdapterDetail } from '../../../src-main/contract/adapter.ts'
import type { LearnLine } from '../../../src-main/engine/learn-journal.ts'
import type { LearnOutcome } from '../../../src-main/engine/learn-request.ts'
import type { UsableAdapter } from '../../../src-main/jobs/adapt-types.ts'
import { createLearnCurve } from '../../../src-main/jobs/learn-curve.ts'
import { coefficientTable, coefficientWords, meanCoefficients, recipeOfSum, sharesOf } from '../../../src-main/jobs/learned-sum.ts'
import { remarksOnLearning } from '../../../src-main/jobs/run-learning.ts'
import { shuffleAnswers } from '../../../src-main/jobs/shuffle-answers.ts'

const spent = { seconds: 1, tokens: 10 }
const step = (at: number): LearnLine => ({ step: at, trainLoss: 2, rate: 0.1, gradientNorm: 1, ...spent })
const look = (at: number, validationLoss: number | null): LearnLine => ({ step: at, validationLoss, ...spent })

test('a curve keeps both losses in order, the start, and the least validation loss with its step', () => {
  const curve = createLearnCurve()
  curve.add([look(0, 3), step(1), step(2), look(2, 2.5)])
  curve.add([step(3), step(4), look(4, null)])
  expect(curve.points.map(({ step: at, trainLoss }) => [at, trainLoss])).toEqual([[0, null], [1, 2], [2, 2], [2, null], [3, 2], [4, 2], [4, null]]) // prettier-ignore
  expect([curve.step, curve.start, curve.best]).toEqual([4, 3, { step: 2, loss: 2.5 }])
})

test('a long curve keeps some thousand points, the first and the newest among them', () => {
  const curve = createLearnCurve()
  for (let at = 1; at <= 50_001; at++) curve.add([step(at)])
  expect(curve.points.length).toBeGreaterThan(900)
  expect(curve.points.length).toBeLessThanOrEqual(2001)
  expect([curve.points[0]!.step, curve.points.at(-1)!.step]).toEqual([1, 50_001])
  const steps = curve.points.slice(0, -1).map((point) => point.step)
  expect(new Set(steps.slice(1).map((value, index) => value - steps[index]!)).size).toBe(1)
})

function adapterOf(id: string, modules: readonly (readonly [name: string, norm: number | null])[]): UsableAdapter {
  const detail = modules.map(([name, norm]) => ({
    ...{ name, norm, layer: Number(/layers\.(\d+)/.exec(name)![1]), moduleKind: name.slice(name.lastIndexOf('.') + 1) },
    ...{ in: 4, out: 4, rank: 2, alpha: 2, scaling: 1, dtype: 'float32' as const, tensorA: 'a', tensorB: 'b' },
  }))
  return { id, name: id, contentHash: id, weightsFile: '', modules: [], detail: { modules: detail } as unknown as AdapterDetail }
}
const [q0, v0, q1] = ['model.layers.0.self_attn.q_proj', 'model.layers.0.self_attn.v_proj', 'model.layers.10.self_attn.q_proj'] as const
const one = adapterOf('one', [[q0, 3], [q1, 4]]) // prettier-ignore
const two = adapterOf('two', [[v0, 5]])

test('a sum becomes a recipe with one number, or a rule for each module', () => {
  const sum = { adapters: [one, two], coefficients: [[0.5, -0.25], [2]] }
  expect(recipeOfSum(sum, 0, 7)).toEqual({
    method: 'concat',
    adapters: [
      {
        adapter: 'one',
        coefficient: {
          default: 0,
          rules: [
            { modules: 'q_proj', layers: [0, 0], value: 0.5 },
            { modules: 'q_proj', layers: [10, 10], value: -0.25 },
          ],
        },
      },
      { adapter: 'two', coefficient: 2 },
    ],
    output: { rank: 'sum', dtype: 'float32' },
    seed: 7,
  })
  expect(recipeOfSum(sum, 8, 7)).toMatchObject({ method: 'linear', output: { rank: 8 } })
})

test('the table has modules by layer, null where an adapter has none, and shares by |c| times the norm', () => {
  const sum = { adapters: [one, two], coefficients: [[0.5, -0.25], [2]] }
  expect(
    coefficientTable(
      [
        { id: 'one', name: 'One' },
        { id: null, name: 'Two' },
      ],
      sum,
      sum.coefficients,
    ),
  ).toEqual({
    modules: [q0, v0, q1],
    adapters: [
      { id: 'one', name: 'One' },
      { id: null, name: 'Two' },
    ],
    values: [
      [0.5, null],
      [null, 2],
      [-0.25, null],
    ],
    // 0.5 * 3 + 0.25 * 4 = 2.5 and 2 * 5 = 10.
    shares: [0.2, 0.8],
  })
  expect(sharesOf({ adapters: [one], coefficients: [[0, 0]] })).toBeNull()
  expect(sharesOf({ adapters: [adapterOf('x', [[q0, null]])], coefficients: [[1]] })).toBeNull()
  expect(meanCoefficients([[1, [2, 4]]])).toEqual([[1, 3]])
  expect(coefficientWords([0.5, 0.5])).toBe('0.5')
  expect(coefficientWords([0.5, -0.25])).toBe('0.125 on average over 2 modules, -0.25 to 0.5')
})

test('answers are dealt out anew, all of them, by the seed', () => {
  const examples = Array.from({ length: 40 }, (_, index) => ({ id: `e${index}`, inputs: { input: String(index) }, answer: `a${index}` }))
  const dealt = shuffleAnswers(examples, 1)
  expect(dealt.map(({ id, inputs }) => [id, inputs['input']])).toEqual(examples.map(({ id, inputs }) => [id, inputs['input']]))
  expect(dealt.map(({ answer }) => answer).toSorted()).toEqual(examples.map(({ answer }) => answer).toSorted())
  expect(dealt.filter(({ answer }, index) => answer !== examples[index]!.answer).length).toBeGreaterThan(30)
  expect(shuffleAnswers(examples, 1)).toEqual(dealt)
  expect(shuffleAnswers(examples, 2)).not.toEqual(dealt)
})

test('how learning ended is said with step, value and module', () => {
  const outcome = { chosenStep: 3, lastStep: 7, where: null, value: null } as unknown as LearnOutcome
  expect(remarksOnLearning({ ...outcome, stopped: 'done' })).toEqual({ text: null, problems: [] })
  expect(remarksOnLearning({ ...outcome, stopped: 'done', chosenStep: 0 }).problems).toMatchObject([
    { code: 'no-improvement', severity: 'warning' },
  ])
  expect(remarksOnLearning({ ...outcome, stopped: 'done', chosenStep: 0, lastStep: 0 }).problems).toEqual([])
  expect(remarksOnLearning({ ...outcome, stopped: 'asked' }).text).toBe('ended after step 7, as asked for')
  expect(remarksOnLearning({ ...outcome, stopped: 'diverged', value: 31.2 })).toMatchObject({
    text: 'diverged at step 7 with a loss of 31.20',
    problems: [{ code: 'loss-diverged', severity: 'warning', message: expect.stringContaining('Step 3, the best until then, is kept.') }],
  })
  expect(remarksOnLearning({ ...outcome, stopped: 'not-finite', where: 'model.layers.1.mlp.up_proj' }).problems).toMatchObject([
    { code: 'gradient-not-finite', where: { tensor: 'model.layers.1.mlp.up_proj' } },
  ])
  expect(remarksOnLearning({ ...outcome, stopped: 'not-finite', where: 'loss' }).problems).toMatchObject([{ code: 'loss-not-finite' }])
})
