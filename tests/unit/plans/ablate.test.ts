import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Recipe } from '../../../src-main/contract/recipe.ts'
import { leaveEachOut } from '../../../src-main/plans/ablation-recipes.ts'
import { pairedBootstrap } from '../../../src-main/statistics/paired.ts'
import type { OpenedServices } from '../../helpers/services.ts'
import { cellOf, openPlanBench, runToEnd, shortArms, shortPlan, task } from './run-bench.ts'

let opened: OpenedServices
let planId: string

beforeAll(async () => {
  opened = await openPlanBench()
  const { base, own, average, tiesOwn, tuned, search, random } = shortArms
  const units = { ...tuned, id: 'units', role: null, params: { ...tuned.params, granularity: 'unit' } } as const
  planId = await runToEnd(opened.services, shortPlan([base, own, average, tiesOwn, tuned, units, search, random]))
}, 180_000)

afterAll(() => opened.close())

/** What leaving out gives for the cell of an arm. */
async function ablate(arm: string) {
  const { planAblator } = opened.services
  const { id } = cellOf(opened.services, planId, arm)
  const { problems } = await planAblator.start(planId, id)
  return { problems, ablation: await planAblator.whenEnded(planId, id) }
}

/** Values of subjects on the cell's test examples, as an evaluation of their own gives them. */
async function evaluated(adapterId: string): Promise<readonly number[]> {
  const { library, queue } = opened.services
  const { baseId } = library.runs.list()[0]!
  const tasks = [{ taskId: task, split: 'test' as const, budget: null, limit: 30, metric: null }]
  const subjects = [{ kind: 'adapter' as const, adapterId, coefficient: 1 }]
  const started = queue.start('evaluate', { baseId, subjects, tasks, maxNewTokens: null, maxPromptTokens: null, purpose: 'evaluate' })
  expect(started.problems).toEqual([])
  expect((await queue.whenEnded(started.jobId!)).state).toBe('done')
  const run = library.runs.list().find(({ subject, split }) => subject.adapterId === adapterId && split === 'test')!
  const { rows } = library.runs.outcomes({ runId: run.id, other: null, filter: 'all', text: '', offset: 0, limit: 100 })
  return rows.map(({ here }) => here.value!)
}

describe('a merge again without each of its adapters', () => {
  test.each(['tuned', 'average', 'ties_own', 'lorahub'])('%s: the whole one gives what the cell gave', async (arm) => {
    const { library } = opened.services
    const cell = cellOf(opened.services, planId, arm)
    const { problems, ablation } = await ablate(arm)
    expect(problems).toEqual([])
    expect(ablation).toMatchObject({ state: 'done', cell: cell.id, n: 30, problems: [] })
    expect(ablation?.full).toBeCloseTo(cell.value!, 12)
    const sources = library.adapters.get(cell.adapterId!)!.lineage!.sources
    expect(ablation?.rows.map(({ name }) => name)).toEqual(sources.map(({ name }) => name))
    expect(library.plans.ablations(planId)).toContainEqual(ablation)
  })

  test('a row is the merge of the others, paired with the whole one over the examples', async () => {
    const { library, queue } = opened.services
    const { adapterId } = cellOf(opened.services, planId, 'tuned')
    const recipe = parse(library.adapters.get(adapterId!)!.lineage!.recipe!) as Recipe
    const rest = { ...recipe, adapters: recipe.adapters.slice(1), output: { ...recipe.output, name: 'the others' } }
    const merged = await queue.whenEnded(queue.start('merge', { recipe: rest }).jobId!)
    const [without, whole] = [await evaluated(merged.resultAdapterId!), await evaluated(adapterId!)]
    const { ablation } = await ablate('tuned')
    const row = ablation!.rows[0]!
    expect(row.adapterId).toBe(recipe.adapters[0]!.adapter)
    expect(row.value).toBeCloseTo(without.reduce((sum, value) => sum + value, 0) / 30, 12)
    expect(row.difference).toEqual(pairedBootstrap(without.map((value, index) => value - whole[index]!)))
  })

  test('the coefficients of the others stay as they were, rules by module and layer included', () => {
    const { library } = opened.services
    const { name, lineage } = library.adapters.get(cellOf(opened.services, planId, 'tuned').adapterId!)!
    const recipe = parse(lineage!.recipe!) as Recipe
    const { full, without } = leaveEachOut(name, lineage!.recipe!, library.adapters)
    expect(full.subject).toMatchObject({ kind: 'recipe', recipe: { adapters: recipe.adapters } })
    expect(recipe.adapters.some(({ coefficient }) => typeof coefficient === 'object')).toBe(true)
    without.forEach(({ merge: { subject } }, left) =>
      expect(subject).toMatchObject({ recipe: { adapters: recipe.adapters.filter((_, index) => index !== left) } }),
    )
  })
})

describe('what cannot be taken apart is refused in words', () => {
  test.each([
    ['units', 'merge-not-separable', 'coefficients of single rank units'],
    ['random', 'merge-not-separable', 'random numbers'],
    ['own', 'merge-not-separable', 'is not a merge of adapters'],
    ['base', 'merge-not-separable', 'has no adapter in this library'],
  ])('%s', async (arm, code, words) => {
    const { problems, ablation } = await ablate(arm)
    expect(problems).toMatchObject([{ code, severity: 'error' }])
    expect(problems[0]?.message).toContain(words)
    expect(ablation).toBeNull()
  })

  test('a plan and a part that are not there', async () => {
    const { planAblator } = opened.services
    expect((await planAblator.start('nothing', 'x')).problems).toMatchObject([{ code: 'plan-unknown' }])
    expect((await planAblator.start(planId, 'x')).problems).toMatchObject([{ code: 'cell-unknown' }])
  })

  test('another result than the cell had: the adapters cannot be told apart', async () => {
    const { library } = opened.services
    const { id, adapterId, jobId } = cellOf(opened.services, planId, 'average')
    const result = library.plans.result(planId, id)!
    library.plans.setResult(planId, { ...result, values: result.values.map((value) => 1 - value) }, { adapterId, jobId })
    const { problems, ablation } = await ablate('average')
    library.plans.setResult(planId, result, { adapterId, jobId })
    expect(problems).toEqual([])
    expect(ablation).toMatchObject({ state: 'failed', rows: [], problems: [{ code: 'check-failed' }] })
  })

  test('one that was under way when its process ended is marked', () => {
    const { library, planAblator } = opened.services
    const cell = 'gone'
    library.plans.setAblation(planId, { cell, state: 'running', jobId: 'gone', n: 30, full: null, rows: [], problems: [] })
    planAblator.takeUp()
    expect(library.plans.ablations(planId).find((one) => one.cell === cell)).toMatchObject({
      state: 'failed',
      problems: [{ code: 'cancelled' }],
    })
  })
})
