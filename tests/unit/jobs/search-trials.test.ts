import { describe, expect, test } from 'vitest'
import { findMethod, type MethodEntry } from '../../../src-main/contract/methods.ts'
import { defaultsOf, type ParamValues } from '../../../src-main/contract/params.ts'
import { tunerOf } from '../../../src-main/contract/tuners.ts'
import { coefficientFor } from '../../../src-main/recipes/coefficients.ts'
import type { SearchJournal } from '../../../src-main/jobs/search-journal.ts'
import type { Judged } from '../../../src-main/jobs/search-round.ts'
import { meanAbsolute, trialSpace, type SearchedAdapter } from '../../../src-main/jobs/search-space.ts'
import { bestTrial, searchTrials, type Entry, type TrialsOptions } from '../../../src-main/jobs/search-trials.ts'

const defaults = defaultsOf(tunerOf('search').params, 'recipe')

function module(name: string, layer: number | null) {
  return { name, layer, moduleKind: name.slice(name.lastIndexOf('.') + 1) }
}
function adapter(id: string, name = id): SearchedAdapter {
  const layers = [0, 1].flatMap((layer) =>
    ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.up_proj'].map((kind) => module(`model.layers.${layer}.${kind}`, layer)),
  )
  return { id, name, modules: layers }
}
function spaceOf(adapters: readonly SearchedAdapter[], method: string, params: ParamValues = {}, more: object = {}) {
  const input = { searched: {}, searchCoefficients: true, seed: 4, ...more }
  return trialSpace(adapters, { input, method: findMethod(method) as MethodEntry, params: { ...defaults, ...params } })
}

describe('the box of a search', () => {
  test('has one coefficient for each adapter, called by its name, names that are there twice numbered', () => {
    const { space, start, coefficients, recipeOf } = spaceOf([adapter('a', 'one'), adapter('b', 'one'), adapter('c', 'density')], 'ties')
    expect(coefficients).toEqual(['one', 'one (2)', 'density (2)'])
    expect(space[0]).toEqual({ kind: 'number', id: 'one', low: -1.5, high: 1.5, step: 0.05 })
    expect(start).toEqual({ one: 0, 'one (2)': 0, 'density (2)': 0 })
    expect(recipeOf({ one: 0.5, 'one (2)': -1, 'density (2)': 0.25 })).toEqual({
      method: 'ties',
      adapters: [
        { adapter: 'a', coefficient: 0.5 },
        { adapter: 'b', coefficient: -1 },
        { adapter: 'c', coefficient: 0.25 },
      ],
      params: {},
      output: { rank: 'auto', dtype: 'float32', padTo: 'none' },
      seed: 4,
    })
  })

  test('by layer and by sublayer every module gets the coefficient of its group', () => {
    for (const [granularity, count] of [
      ['layer', 2],
      ['sublayer', 4],
    ] as const) {
      const one = adapter('a', 'one')
      const { space, recipeOf } = spaceOf([one], 'concat', { granularity })
      expect(space).toHaveLength(count)
      const candidate = Object.fromEntries(space.map(({ id }, index) => [id, index + 1]))
      const { coefficient } = recipeOf(candidate).adapters[0]!
      const got = one.modules.map((own) => coefficientFor(coefficient, own))
      expect(got).toEqual(granularity === 'layer' ? [1, 1, 1, 2, 2, 2] : [1, 1, 2, 3, 3, 4])
    }
  })

  test('modules outside the layers have a coefficient of their own', () => {
    const one = { id: 'a', name: 'one', modules: [module('lm_head', null), module('model.layers.3.mlp.up_proj', 3)] }
    const { space, recipeOf } = spaceOf([one], 'concat', { granularity: 'layer' })
    expect(space.map(({ id }) => id)).toEqual(['one, outside the layers', 'one, layer 3'])
    const { coefficient } = recipeOf({ 'one, outside the layers': 0.5, 'one, layer 3': -0.5 }).adapters[0]!
    expect(one.modules.map((own) => coefficientFor(coefficient, own))).toEqual([0.5, -0.5])
  })

  test('searched parameters begin at their defaults where these may be tried', () => {
    const searched = { density: { low: 0.1, high: 0.9 }, variant: { values: ['count', 'paper'] } }
    const both = spaceOf([adapter('a')], 'ties', {}, { searched, searchCoefficients: false })
    expect(both.space).toEqual([
      { kind: 'number', id: 'density', low: 0.1, high: 0.9 },
      { kind: 'choice', id: 'variant', values: ['count', 'paper'] },
    ])
    expect(both.start).toEqual({ density: 0.2, variant: 'paper' })
    // Coefficients that are not searched are those of a recipe that names none.
    expect(both.recipeOf({ density: 0.5, variant: 'count' })).toMatchObject({
      adapters: [{ adapter: 'a' }],
      params: { density: 0.5, variant: 'count' },
    })
    const other = spaceOf([adapter('a')], 'lego', {}, { searched: { k: { low: 3, high: 8 }, restarts: { values: [2, 4] } } })
    expect(other.start).toEqual({ a: 0, k: 5, restarts: 2 })
    expect(other.space[1]).toEqual({ kind: 'integer', id: 'k', low: 3, high: 8 })
  })

  test('the rank of a result is what is kept: everything, what is asked for, or what the method makes of it', () => {
    const rank = (method: string, outputRank: number) => spaceOf([adapter('a')], method, { outputRank }).recipeOf({ a: 1 }).output.rank
    expect([rank('linear', 0), rank('linear', 8), rank('concat', 8), rank('ties', 0), rank('ties', 4)]).toEqual([
      'sum',
      8,
      'auto',
      'auto',
      4,
    ])
  })
})

const target = [0.4, -0.3, 0.1]
const quadratic = (values: Readonly<Record<string, unknown>>, shift = 0): number =>
  target.reduce((sum, wanted, index) => sum + (Number(values[`a${index}`]) - wanted - shift) ** 2, 1)

function options(more: Partial<TrialsOptions> = {}): TrialsOptions & { readonly rounds: (readonly Entry[])[] } {
  const rounds: (readonly Entry[])[] = []
  return {
    rounds,
    trialSpace: spaceOf(
      ['a0', 'a1', 'a2'].map((id) => adapter(id)),
      'concat',
    ),
    optimiser: 'cma_es',
    seed: 1,
    population: 8,
    trials: 600,
    l1: 0,
    heldOut: false,
    adapters: ['a0', 'a1', 'a2'].map((id) => ({ id, name: id })),
    from: null,
    wantsEnd: () => false,
    onGeneration: () => Promise.resolve(),
    evaluate(entries) {
      rounds.push(entries)
      const judged = entries.map(({ candidate, judged: isJudged, validated }): Judged => ({
        values: [...(isJudged ? [quadratic(candidate)] : []), ...(validated ? [quadratic(candidate, 0.05)] : [])],
        problem: null,
      }))
      return Promise.resolve({ judged, tokens: 100 * entries.length, seconds: 1 })
    },
    ...more,
  }
}

describe('a search of trials', () => {
  test('finds the minimum of a quadratic in the coefficients, and the start is trial 0', async () => {
    const { trials } = await searchTrials(options())
    expect(trials).toHaveLength(600)
    expect(trials[0]).toMatchObject({ index: 0, generation: 0, values: { a0: 0, a1: 0, a2: 0 } })
    expect(trials[0]!.objective).toBeCloseTo(1.26, 12)
    const best = trials[bestTrial(trials, false)!]!
    target.forEach((wanted, index) => expect(Number(best.values[`a${index}`])).toBeCloseTo(wanted, 3))
    expect(best.objective).toBeLessThan(1 + 1e-6)
  })

  test('the mean absolute coefficient counts as much as it is said to', async () => {
    const { trials } = await searchTrials(options({ l1: 0.5, trials: 30 }))
    for (const { objective, values } of trials)
      expect(objective).toBeCloseTo(quadratic(values) + 0.5 * meanAbsolute(['a0', 'a1', 'a2'], values), 12)
    expect(meanAbsolute(['a', 'b'], { a: -1, b: 0.5 })).toBe(0.75)
  })

  test('held-out examples measure the start and the best of each generation, and choose', async () => {
    const given = options({ heldOut: true, trials: 120 })
    const { trials, curve } = await searchTrials(given)
    expect(given.rounds[0]!.filter(({ validated }) => validated).map(({ index }) => index)).toEqual([0])
    const measured = trials.filter(({ validation }) => validation !== null)
    expect(measured.length).toBeGreaterThan(2)
    for (const { values, validation } of measured) expect(validation).toBeCloseTo(quadratic(values, 0.05), 12)
    // Whoever was the best after some generation was measured, the last one included.
    const byObjective = [...trials].sort((left, right) => left.objective! - right.objective!)[0]!
    expect(byObjective.validation).not.toBeNull()
    const best = trials[bestTrial(trials, true)!]!
    expect(best.validation).toBe(Math.min(...measured.map(({ validation }) => validation!)))
    expect(curve[0]).toMatchObject({ step: 0, trainLoss: trials[0]!.objective, validationLoss: trials[0]!.validation })
    expect(curve.map(({ step }) => step)).toEqual([0, 9, 17, 25, 33, 41, 49, 57, 65, 73, 81, 89, 97, 105, 113, 120])
    expect(curve.every(({ validationLoss }) => validationLoss !== null)).toBe(true)
    // A round holds one generation, and at most one trial more that is measured.
    for (const round of given.rounds) expect(round.length).toBeLessThanOrEqual(10)
  })

  test('goes on after a kill with the same trials, wherever it was', async () => {
    const whole = await searchTrials(options({ heldOut: true, trials: 50 }))
    for (const generation of [1, 3, 6]) {
      let saved = ''
      let count = 0
      const killed = searchTrials(
        options({
          heldOut: true,
          trials: 50,
          onGeneration(state) {
            saved = JSON.stringify(state)
            count += 1
            return count === generation ? Promise.reject(new Error('killed')) : Promise.resolve()
          },
        }),
      )
      await expect(killed).rejects.toThrow('killed')
      const again = await searchTrials(options({ heldOut: true, trials: 50, from: JSON.parse(saved) as SearchJournal }))
      expect(again.trials).toEqual(whole.trials)
      expect(again.tokens).toBe(whole.tokens)
      expect(again.curve).toEqual(whole.curve)
    }
  })

  test('one candidate that fails does not stop it, nor is it chosen', async () => {
    let asked = 0
    const { trials } = await searchTrials(
      options({
        trials: 40,
        evaluate: (entries) =>
          Promise.resolve({
            judged: entries.map(({ candidate }): Judged =>
              asked++ % 4 === 2 ? { values: null, problem: 'A logit is not finite.' } : { values: [quadratic(candidate)], problem: null },
            ),
            tokens: 0,
            seconds: 0,
          }),
      }),
    )
    expect(trials).toHaveLength(40)
    const failed = trials.filter(({ problem }) => problem === 'A logit is not finite.')
    expect(failed).toHaveLength(10)
    expect(failed.every(({ objective }) => objective === null)).toBe(true)
    expect(failed.map(({ index }) => index)).not.toContain(bestTrial(trials, false))
  })

  test('ends after the present generation when that is wished, and measures its best', async () => {
    let generations = 0
    const { trials } = await searchTrials(
      options({
        heldOut: true,
        wantsEnd: () => generations >= 2,
        onGeneration: () => {
          generations += 1
          return Promise.resolve()
        },
      }),
    )
    expect(trials).toHaveLength(17)
    const byObjective = [...trials].sort((left, right) => left.objective! - right.objective!)[0]!
    expect(byObjective.validation).not.toBeNull()
  })

  test('a candidate that was tried is not evaluated again', async () => {
    const searched = { variant: { values: ['paper', 'count'] } }
    const given = options({
      optimiser: 'random',
      trials: 20,
      trialSpace: spaceOf([adapter('a')], 'ties', {}, { searched, searchCoefficients: false }),
      evaluate: (entries) => Promise.resolve({ judged: entries.map(() => ({ values: [2], problem: null })), tokens: 5, seconds: 0 }),
    })
    const { trials, tokens } = await searchTrials(given)
    expect(trials).toHaveLength(20)
    expect(trials.every(({ objective }) => objective === 2)).toBe(true)
    // Two values, one round in which something is left to do.
    expect(tokens).toBe(5)
    expect(bestTrial(trials, false)).toBe(0)
  })
})
