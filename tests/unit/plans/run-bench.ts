/** A library with a part of the demo kit, and plans of few and short steps on it. */
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Arm, PlanFile, PlanFileInput } from '../../../src-main/contract/plan.ts'
import type { PlanCell } from '../../../src-main/contract/plan-run.ts'
import type { Services } from '../../../src-main/ipc/services.ts'
import { demoAdapters, demoKit } from '../../helpers/demo.ts'
import { openTestServices, type OpenedServices } from '../../helpers/services.ts'

/** Different ranks and targets. */
export const poolNames = ['sentiment-r16', 'topic-r4-attention', 'rude-r16'] as const
export const task = 'sentiment_stars'
export const otherTask = 'topic_desk'

/** Opens a library with the pool, the base model and two tasks. */
export async function openPlanBench(): Promise<OpenedServices> {
  const opened = openTestServices()
  const { importer, bases, library } = opened.services
  await importer.finished(importer.start(poolNames.map((name) => join(demoAdapters, name))).id!)
  await bases.settled((await bases.add(join(demoKit, 'base-model'))).id!)
  for (const name of [task, otherTask]) await library.tasks.add(join(demoKit, 'tasks', `${name}.task.json`))
  return opened
}

const short = { steps: 2, batch: 2, validateEvery: 2 }

/** Arms that take a second or two each. */
export const shortArms = {
  base: { kind: 'base', id: 'base', role: 'base' },
  best: { kind: 'best_single', id: 'best_single' },
  own: { kind: 'train', id: 'own', role: 'own', label: 'Fresh LoRA', params: { ...short, rank: 2 } },
  average: { kind: 'merge', id: 'average', method: 'average', selection: { k: 2 } },
  tiesOwn: { kind: 'merge', id: 'ties_own', method: 'ties', selection: { k: 3 }, params: { density: 0.2 }, withOwn: true },
  tuned: { kind: 'tune', id: 'tuned', role: 'merged', params: { ...short, k: 2 } },
  tunedOwn: { kind: 'tune', id: 'tuned_own', role: 'mergedWithOwn', params: { ...short, k: 2 }, withOwn: true },
  search: { kind: 'search', id: 'lorahub', preset: 'lorahub', params: { k: 2, trials: 2 } },
  random: { kind: 'control', id: 'random', role: 'random', control: 'random_parameters', params: { ...short, k: 2 } },
} as const satisfies Record<string, PlanFileInput['arms'][number]>

/** A plan of these arms: ten labelled examples, thirty for testing. */
export function shortPlan(arms: readonly PlanFileInput['arms'][number][], changes: Partial<PlanFileInput> = {}): PlanFileInput {
  return { version: 1, title: 'Short', base: 'base-model', tasks: [task], budgets: [10], testLimit: 30, arms: [...arms], ...changes }
}

/** Starts a plan and waits for its end. Throws with its problems when it does not start. */
export async function runToEnd({ plans }: Pick<Services, 'plans'>, file: PlanFileInput): Promise<string> {
  const { planId, problems } = await plans.start(file)
  if (planId === null) throw new Error(problems.map(({ message }) => message).join(' '))
  await plans.whenEnded(planId)
  return planId
}

/** A cell of a plan by its arm, on the first task. */
export function cellOf({ library }: Pick<Services, 'library'>, planId: string, arm: string, on: string = task): PlanCell {
  const found = library.plans.cells(planId).find((cell) => cell.arm === arm && cell.task === on)
  if (!found) throw new Error(`no cell of ${arm}`)
  return found
}

/** Jobs of one kind, oldest first. */
export function jobsOf({ queue }: Pick<Services, 'queue'>, kind: string): readonly string[] {
  return queue.list().flatMap((job) => (job.kind === kind ? [job.id] : [])).reverse() // prettier-ignore
}

/** Waits until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  await vi.waitFor(() => { if (!isSo()) throw new Error('not yet') }, { timeout: 60_000, interval: 5 }) // prettier-ignore
}

export type { Arm, PlanFile }
