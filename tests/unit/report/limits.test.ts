import { expect, test } from 'vitest'
import type { PlanDetail } from '../../../src-main/contract/plan-run.ts'
import { limitsSection } from '../../../src-main/report/sections/limits.ts'
import { problemsSection } from '../../../src-main/report/sections/provenance.ts'
import { makePlanDetail } from '../../helpers/plan-detail.ts'

function limitsOf(detail: PlanDetail): string {
  return limitsSection(detail)
    .blocks.flatMap((block) => (block.kind === 'list' ? block.items : []))
    .join('\n')
}

test('a plan without a flaw still says what its verdict is about, and that arms are many', () => {
  const text = limitsOf(makePlanDetail({ seeds: [1, 2, 3] }))
  expect(text.split('\n')).toEqual([
    expect.stringContaining('6 arms on 1 place (task and budget) are compared'),
    'The verdict speaks of these tasks, this base model and this pool; nothing follows for others.',
  ])
})

test('fewer than 30 test examples, one seed and no validation examples are said', () => {
  const text = limitsOf(makePlanDetail({ n: 29, budgets: [10] }))
  expect(text).toContain('Fewer than 30 test examples: Sentiment stars (29). What is said there is an anecdote.')
  expect(text).toContain('One seed only')
  expect(text).toContain('With 10 labelled examples there is no validation split')
  expect(limitsOf(makePlanDetail({ n: 30, seeds: [1, 2] }))).not.toMatch(/anecdote|One seed|validation/)
})

test('failed, left and open jobs are counted, failed ones named', () => {
  const whole = makePlanDetail({ seeds: [1, 2] })
  const states = ['failed', 'left', 'waiting', 'running'] as const
  const detail: PlanDetail = {
    ...whole,
    state: 'partial',
    cells: whole.cells.map((cell, index) => ({ ...cell, state: states[index] ?? 'done' })),
  }
  const text = limitsOf(detail)
  expect(text).toContain(`1 of ${whole.total} jobs failed (${whole.cells[0]!.id})`)
  expect(text).toContain('1 job could not be run because what they need failed.')
  expect(text).toContain(`The plan is not finished (partial): 2 jobs of ${whole.total} are open.`)
})

test('other versions, an imported plan, tasks where less is better, and a limit on the test are said', () => {
  const whole = makePlanDetail({ tasks: ['a', 'b'] })
  const detail: PlanDetail = {
    ...whole,
    file: { ...whole.file, testLimit: 50 },
    cells: whole.cells.map((cell, index) => ({ ...cell, appVersion: index === 0 ? '0.0.9' : '0.1.0' })),
    importedFrom: { appVersion: '0.0.9', at: '2026-11-01T00:00:00.000Z' },
    tasksInfo: whole.tasksInfo.map((info, index) => (index === 0 ? { ...info, metric: 'mean_loss' } : info)),
  }
  const text = limitsOf(detail)
  expect(text).toContain('several versions of the app (0.0.9 and 0.1.0)')
  expect(text).toContain('read from a file of version 0.0.9')
  expect(text).toContain('Of A less is better.')
  expect(text).toContain('The tasks have unlike units')
  expect(text).toContain('At most 50 test examples of each task')
  expect(text).toContain('rather too wide than too narrow')
})

test('problems are said once, errors first, with the places that they were found at', () => {
  const whole = makePlanDetail()
  const remark = { code: 'no-validation', severity: 'warning', message: 'No validation examples.' } as const
  const failure = { code: 'out-of-memory', severity: 'error', message: 'Too little memory.', hint: 'Take fewer adapters.' } as const
  expect(problemsSection(whole)).toBeNull()
  const detail: PlanDetail = {
    ...whole,
    problems: [failure],
    cells: whole.cells.map((cell) => ({ ...cell, problems: [remark] })),
  }
  const [block] = problemsSection(detail)!.blocks
  expect(block?.kind === 'table' ? block.table.rows : []).toEqual([
    ['error', 'Out of memory (out-of-memory)', 'Too little memory. Take fewer adapters.', 'the plan'],
    [
      'warning',
      'No validation examples (no-validation)',
      'No validation examples.',
      `${whole.cells
        .slice(0, 3)
        .map(({ id }) => id)
        .join('; ')} and 4 more`,
    ],
  ])
})
