import { expect, test } from 'vitest'
import { agreementOf } from '../../../src-main/plans/agreement.ts'
import { planOutcomes, type PlanOutcomesQuery } from '../../../src-main/plans/outcomes.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from '../library/plan-support.ts'
import { openPlanBench } from './plan-library.ts'

const run = { planId: 'p', task: 't', budget: 100, seed: 2 } as const
const query: PlanOutcomesQuery = { ...run, arms: ['base', 'own'], right: [], wrong: [], text: '', offset: 0, limit: 50 }

function filled() {
  const { plans } = openPlanBench()
  insertPlan(plans, planOf('p', { budgets: [10, 100] }))
  plans.setTask('p', planTaskOf('t', 4))
  plans.setResult('p', resultOf('t/-/-/base', [1, 1, 0, 0]))
  plans.setResult('p', resultOf('t/100/1/own', [0, 0, 0, 0]))
  plans.setResult('p', resultOf('t/10/2/own', [0, 0, 0, 0]))
  plans.setResult('p', resultOf('t/100/2/own', [1, 0, 1, 0.5], { predictions: ['yes', null, 'YES, indeed', 'no'] }))
  return plans
}

test('agreement counts the examples of one run that each two arms get right', () => {
  const plans = filled()
  expect(agreementOf(plans, run)).toEqual({
    ...{ arms: ['base', 'own'], n: 4, right: [2, 2] },
    both: [
      [2, 1],
      [1, 2],
    ],
    onlyRow: [
      [0, 1],
      [1, 0],
    ],
  })
  expect(agreementOf(plans, { ...run, seed: 1 })).toMatchObject({ right: [2, 0] })
  expect(agreementOf(plans, { ...run, seed: 9 })).toMatchObject({ arms: ['base'] })
  expect([agreementOf(plans, { ...run, task: 'u' }), agreementOf(plans, { ...run, planId: 'u' })]).toEqual([null, null])
  plans.setResult('p', resultOf('t/100/2/own', [1, 0], { exampleIds: ['e2', 'e3'] }))
  expect(agreementOf(plans, run)).toMatchObject({ arms: ['base'], n: 4 })
  plans.setTask('p', planTaskOf('t', 4, { metric: 'mean_loss', direction: 'lower' }))
  expect(agreementOf(plans, run)).toBeNull()
})

test('examples are shown with what the arms answered, filtered by who is right', () => {
  const plans = filled()
  const all = planOutcomes(plans, query)
  expect(all.total).toBe(4)
  expect(all.rows[1]).toEqual({
    ...{ exampleId: 'e1', prompt: 'question 1', answer: 'yes' },
    byArm: [
      { arm: 'base', prediction: 'yes', value: 1 },
      { arm: 'own', prediction: null, value: 0 },
    ],
  })
  const found = (given: Partial<PlanOutcomesQuery>) => planOutcomes(plans, { ...query, ...given }).rows.map(({ exampleId }) => exampleId)
  expect(found({ right: ['own'] })).toEqual(['e0', 'e2'])
  expect(found({ right: ['own'], wrong: ['base'] })).toEqual(['e2'])
  // Half right is not right.
  expect(found({ wrong: ['base', 'own'] })).toEqual(['e3'])
  // An arm that is not shown filters all the same; one without a result is neither right nor wrong.
  expect(planOutcomes(plans, { ...query, arms: ['base'], right: ['own'] }).rows.map(({ byArm }) => byArm.map(({ arm }) => arm))).toEqual([
    ['base'],
    ['base'],
  ])
  expect([found({ right: ['unknown'] }), found({ wrong: ['unknown'] })]).toEqual([[], []])
})

test('text is sought in prompt, answer and what is shown of the predictions', () => {
  const plans = filled()
  const found = (text: string, arms = ['base', 'own']) =>
    planOutcomes(plans, { ...query, arms, text }).rows.map(({ exampleId }) => exampleId)
  expect(found('question 3')).toEqual(['e3'])
  expect(found(' INDEED ')).toEqual(['e2'])
  expect(found('indeed', ['base'])).toEqual([])
})

test('a page is part of what was found', () => {
  const page = planOutcomes(filled(), { ...query, offset: 1, limit: 2 })
  expect([page.rows.map(({ exampleId }) => exampleId), page.total]).toEqual([['e1', 'e2'], 4])
})

test('examples of a task that is not known are shown by their ids', () => {
  const { plans } = openPlanBench()
  insertPlan(plans, planOf('p'))
  plans.setResult('p', resultOf('t/-/-/base', [1, 0]))
  expect(planOutcomes(plans, query)).toEqual({
    rows: ['e0', 'e1'].map((exampleId, place) => ({
      ...{ exampleId, prompt: '', answer: '' },
      byArm: [{ arm: 'base', prediction: place === 0 ? 'yes' : 'no', value: 1 - place }],
    })),
    total: 2,
  })
})
