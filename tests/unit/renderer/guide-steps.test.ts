import { expect, test } from 'vitest'
import { guideSteps, type GuideFacts } from '../../../src-renderer/state/guide-steps.ts'

const empty: GuideFacts = { demoAdapters: 0, bases: 0, tasks: 0, plans: [], read: false }
const states = (facts: Partial<GuideFacts>): readonly string[] => guideSteps({ ...empty, ...facts }).map(({ state }) => state)

test('the first step that is not done is next', () => {
  expect(states({})).toEqual(['next', 'later', 'later', 'later'])
  expect(states({ demoAdapters: 19 })).toEqual(['done', 'next', 'later', 'later'])
  expect(states({ demoAdapters: 19, bases: 1 })).toEqual(['done', 'next', 'later', 'later'])
  expect(states({ demoAdapters: 19, bases: 1, tasks: 24 })).toEqual(['done', 'done', 'next', 'later'])
})

test('a plan counts once it has a verdict, and reading it is the last step', () => {
  const ready = { demoAdapters: 19, bases: 1, tasks: 24 }
  expect(states({ ...ready, plans: [{ headline: null, state: 'running' }] })).toEqual(['done', 'done', 'next', 'later'])
  expect(states({ ...ready, plans: [{ headline: 'Train your own LoRA.', state: 'done' }] })).toEqual(['done', 'done', 'done', 'next'])
  expect(states({ ...ready, plans: [{ headline: 'Train your own LoRA.', state: 'done' }], read: true })).toEqual([
    'done',
    'done',
    'done',
    'done',
  ])
})

test('a step that was done out of order stays done', () => {
  expect(states({ bases: 1, tasks: 1 })).toEqual(['next', 'done', 'later', 'later'])
})
