import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { PlanCheck } from '../../../src-main/contract/plan-run.ts'
import type { PlanFileInput } from '../../../src-main/contract/plan.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { checkPlan } from '../../../src-main/plans/check-plan.ts'
import type { OpenedServices } from '../../helpers/services.ts'
import { openPlanBench, shortArms, shortPlan, task } from './run-bench.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** A task of three training examples and so many for testing. */
function writeTask(folder: string, id: string, test: number): string {
  const rows = (count: number, from: number) => Array.from({ length: count }, (_, index) => JSON.stringify({ input: `question ${from + index}`, answer: 'yes' })).join('\n') // prettier-ignore
  const path = join(folder, `${id}.task.json`)
  writeFileSync(path, JSON.stringify({ id, instruction: 'answer', metric: 'exact_match', labels: ['yes', 'no'] }))
  writeFileSync(join(folder, `${id}.train.jsonl`), rows(3, 0))
  if (test > 0) writeFileSync(join(folder, `${id}.test.jsonl`), rows(test, 100))
  return path
}

describe.skipIf(loadBinding().binding === null)('what a plan would do', () => {
  const { base, own, tuned, tunedOwn } = shortArms
  let opened: OpenedServices
  beforeAll(async () => {
    opened = await openPlanBench()
    const folder = mkdtempSync(join(tmpdir(), 'amalgam-plan-tasks-'))
    for (const [id, count] of [['untested', 0], ['small', 12]] as const) await opened.services.library.tasks.add(writeTask(folder, id, count)) // prettier-ignore
  })
  afterAll(() => opened.close())

  const check = (arms: readonly PlanFileInput['arms'][number][], changes: Partial<PlanFileInput> = {}): Promise<PlanCheck> =>
    checkPlan(shortPlan(arms, changes), opened.services.planServices)
  const codes = ({ problems }: PlanCheck): readonly string[] => problems.map(({ code }) => code)

  test('cells, pool, tests and the plan as text', async () => {
    const found = await check([base, own, tuned, tunedOwn])
    expect(found).toMatchObject({ pool: 3, tasks: [{ task, title: 'Sentiment stars', test: 30 }] })
    expect(found.tasks[0]!.detectable).toBeCloseTo(2.8016 * Math.sqrt(0.2 / 30), 3)
    expect(found.cells).toContainEqual({ id: `${task}/10/1/tuned_own`, arm: 'tuned_own', needs: [`${task}/10/1/own`] })
    expect(parse(found.yaml)).toEqual(found.plan)
    expect(found.device).toMatch(/^CPU/)
  })

  test('how long it takes is known once something was measured', async () => {
    expect((await check([base, tuned])).etaSeconds).toBeNull()
    const { library } = opened.services
    const baseId = library.bases.list()[0]!.id
    library.runs.noteRate((await check([base])).device, baseId, 10_000, 10)
    const alone = (await check([base, tuned])).etaSeconds!
    const twice = (await check([base, tuned], { seeds: [1, 2] })).etaSeconds!
    expect(alone).toBeGreaterThan(0)
    // The base model and the scores of the pool are shared by the seeds.
    expect(twice).toBeGreaterThan(alone)
    expect(twice).toBeLessThan(2 * alone)
  })

  test('names that mean nothing are refused, with a suggestion', async () => {
    const wrong = await check([base], { base: 'base-modle', tasks: ['sentiment_star'], pool: ['rude-r61'] })
    expect(wrong.plan).toBeNull()
    expect(wrong.problems.map(({ code, hint }) => [code, hint])).toEqual([
      ['field-missing', expect.any(String)],
      ['field-missing', expect.any(String)],
      ['base-unknown', 'Did you mean "base-model"?'],
      ['task-unknown', 'Did you mean "sentiment_stars"?'],
    ])
    const pool = await check([base], { pool: ['rude-r61'] })
    expect(pool.problems.at(-1)).toMatchObject({ code: 'adapter-unknown', where: { field: 'pool' }, hint: 'Did you mean "rude-r16"?' })
  })

  test('a task without a test split is refused, a small one is called an anecdote', async () => {
    const untested = await check([base], { tasks: ['untested'] })
    expect([untested.plan, untested.problems.at(-1)]).toMatchObject([
      null,
      { code: 'split-empty', where: { field: 'tasks', value: 'untested' } },
    ])
    const small = await check([base], { tasks: ['small'] })
    expect(small.plan).not.toBeNull()
    expect(small.problems.at(-1)!.message).toContain('12 test examples')
  })

  test('a budget that the task does not have, K and skip that the pool does not have are said, and block nothing', async () => {
    const found = await check([base, { ...tuned, params: { ...tuned.params, k: 30 } }, { ...tunedOwn, params: { k: 2, skip: 9 } }, own], {
      tasks: ['small'],
    })
    expect(found.plan).not.toBeNull()
    expect(codes(found).filter((code) => code === 'pool-small')).toHaveLength(2)
    expect(found.problems.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('3 of the 10 examples for train'),
        'K is 30, and the pool has 3: all of them are used.',
        '"tuned_own" skips 9 of the 3 adapters: 0 remain besides your own LoRA, and K is 2.',
      ]),
    )
  })

  test('every preset passes on the demo kit, with the remarks that its small pool deserves', async () => {
    for (const { id, plan } of planPresets) {
      const found = await checkPlan({ ...shortPlan([base]), ...plan, preset: id, testLimit: null }, opened.services.planServices)
      expect([id, found.plan !== null, found.problems.filter(({ severity }) => severity === 'error')]).toEqual([id, true, []])
    }
  })
})
