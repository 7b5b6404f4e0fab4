import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { onTestFinished } from 'vitest'
import { adaptInputSchema, type AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { planFileSchema, type PlanFile, type PlanFileInput } from '../../../src-main/contract/plan.ts'
import type { CellResult, PlanTask } from '../../../src-main/contract/plan-run.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import type { StoredPlan } from '../../../src-main/library/plan-types.ts'
import { expandPlan } from '../../../src-main/plans/expand-plan.ts'
import { silentLog } from '../../../src-main/platform/log.ts'

/** An empty folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-runs-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An empty library, closed and gone after the test. `at` is its clock. */
export function openRuns(at: () => Date = () => new Date('2026-11-20T10:00:00.000Z')): Library {
  const library = openLibrary({ folder: temporaryFolder(), log: silentLog, now: at })
  onTestFinished(() => library.close())
  return library
}

/** A plan of two tasks, two arms and two seeds: six cells that do not depend on one another but for the own LoRA. */
export function planFile(given: Partial<PlanFileInput> = {}): PlanFile {
  return v.parse(planFileSchema, {
    version: 1,
    title: 'Reviews and topics',
    base: 'tiny',
    tasks: ['reviews', 'topics'],
    seeds: [1, 2],
    arms: [
      { kind: 'base', id: 'base', role: 'base' },
      { kind: 'train', id: 'own', label: 'Fresh LoRA', role: 'own' },
      { kind: 'tune', id: 'tuned', role: 'merged', params: { k: 3 } },
    ],
    ...given,
  })
}

/** Puts a plan with its cells and tasks down; nothing of it is done. */
export function addPlan(library: Library, id: string, given: Partial<StoredPlan> = {}): StoredPlan {
  const plan: StoredPlan = {
    ...{ id, file: planFile(), state: 'done', baseName: 'tiny', createdAt: '2026-11-20T10:00:00.000Z', startedAt: null, endedAt: null },
    ...{ archived: false, baseline: null, headline: null, process: null, provenance: {}, importedFrom: null, problems: [] },
    ...given,
  }
  library.plans.insert(
    plan,
    expandPlan(plan.file).map(({ arm, needs, ...cell }) => ({ ...cell, arm: arm.id, needs: [...needs] })),
  )
  for (const task of plan.file.tasks) library.plans.setTask(id, planTask(task))
  return plan
}

/** A task with four test examples. */
export function planTask(task: string): PlanTask {
  const examples = [0, 1, 2, 3].map((index) => ({ id: `${task}-${index}`, prompt: `question ${index}`, answer: `answer ${index}` }))
  return { task, title: `Title of ${task}`, metric: 'exact_match', direction: 'higher', hash: 'a'.repeat(64), examples }
}

const nothing = { tokens: 0, seconds: 0 }

/** What a cell gave on the four examples of its task. */
export function cellResult(cell: string, values: readonly number[], given: Partial<CellResult> = {}): CellResult {
  const [task = ''] = cell.split('/')
  return {
    ...{ version: 1, cell, fingerprint: 'f'.repeat(64), appVersion: '0.1.0', finishedAt: '2026-11-20T11:00:00.000Z', adapter: null },
    ...{ metric: 'exact_match', exampleIds: values.map((_, index) => `${task}-${index}`), values: [...values] },
    predictions: values.map((value, index) => (value === 1 ? `answer ${index}` : null)),
    cost: { selection: { ...nothing, adapters: 0 }, own: nothing, learning: nothing, test: { tokens: 40, seconds: 2 }, spent: nothing, device: 'CPU', examples: 100 },
    ...{ selection: [], coefficients: null, curve: [], chosenStep: null, noValidation: false, provenance: {}, problems: [] },
    ...given,
  } // prettier-ignore
}

/** Puts an adaptation with its job down. */
export function addAdaptation(library: Library, id: string, given: Partial<AdaptRequestInput> = {}): void {
  library.jobs.insert({
    ...{ id, kind: 'tune', title: `Tune ${id}`, state: 'done', fingerprint: null, createdAt: '2026-11-19T10:00:00.000Z' },
    ...{ startedAt: null, endedAt: null, progress: null, resultAdapterId: null, problems: [], result: null },
    ...{ recipe: '', resolved: '{}', provenance: {}, logPath: '' },
  })
  const input = v.parse(adaptInputSchema, { arm: 'tune', baseId: 'b', taskId: 'reviews', ...given })
  library.adaptations.begin({ jobId: id, input, group: null, params: { k: 3, steps: 20 }, total: 20 })
}
