import type { Task } from '../contract/task.ts'
import { selectionIds, selectionOf } from '../contract/selection.ts'
import { encodeAdaptation } from '../jobs/adapt-examples.ts'
import { numberOf } from '../jobs/adapt-params.ts'
import { secondsFor } from '../jobs/adapt-rate.ts'
import { resolveAdaptation } from '../jobs/adapt-resolve.ts'
import { learningTokens, tokensOf } from '../jobs/adapt-size.ts'
import type { ResolvedAdaptation } from '../jobs/adapt-types.ts'
import { adaptInputOf } from './cell-input.ts'
import { expandPlan, type Cell } from './expand-plan.ts'
import type { PlanServices, ResolvedPlan } from './plan-services.ts'
import { testExamples, tokensOfTest } from './plan-tasks.ts'

interface Tokens {
  readonly learned: number
  readonly answered: number
}

/**
 * Seconds that a whole plan takes, from the rates of earlier jobs with its base model on this device: learning and searching of every cell, scoring the pool
 * once for each task, budget and kind of value, the test examples once for every cell. null before anything was measured. Writing files, loading and
 * values that are known already are not in it.
 */
export async function estimatePlan(plan: ResolvedPlan, tasks: ReadonlyMap<string, Task>, services: PlanServices): Promise<number | null> {
  const cells = expandPlan(plan.file)
  let total: Tokens = { learned: 0, answered: 0 }
  let sample: ResolvedAdaptation | null = null
  const known = new Map<string, ResolvedAdaptation | null>()
  const scored = new Set<string>()
  for (const cell of cells) {
    const place = JSON.stringify([cell.task, cell.budget, cell.arm.id])
    const adaptation = known.get(place) ?? (await adaptationOf(plan, cell, services))
    known.set(place, adaptation)
    if (!adaptation) continue
    sample ??= adaptation
    total = added(total, {
      learned: learnedTokens(adaptation),
      answered: searchedTokens(adaptation) + scoringTokens(adaptation, plan.pool.length, cell, scored),
    })
  }
  if (!sample) return null
  for (const task of tasks.keys()) {
    const tokens = tokensOfTest(await testExamples(plan, task, services))
    total = added(total, { learned: 0, answered: tokens * cells.filter((cell) => cell.task === task).length })
  }
  return secondsFor(services.adapt, sample, total)
}

/**
 * The cell's adaptation, with an adapter of the pool in the place of the own LoRA, which is not there yet, and one for the pool: the work is about the same,
 * and looking all of a large pool up for every cell would take long.
 */
async function adaptationOf(plan: ResolvedPlan, cell: Cell, services: PlanServices): Promise<ResolvedAdaptation | null> {
  const few = { ...plan, pool: plan.pool.slice(0, 2) }
  const input = adaptInputOf({ plan: few, cell, ownId: cell.needs.length > 0 ? (plan.pool[0] ?? null) : null })
  const checked = input && resolveAdaptation(input, services.adapt).checked
  return checked ? (await encodeAdaptation(checked, services.adapt)).adaptation : null
}

function learnedTokens(adaptation: ResolvedAdaptation): number {
  const { arm, control } = adaptation
  return control?.arm === 'evaluate' || arm === 'select' || arm === 'search' ? 0 : learningTokens(adaptation)
}

function searchedTokens({ arm, params, train, validation }: ResolvedAdaptation): number {
  if (arm !== 'search') return 0
  return numberOf(params, 'trials') * (tokensOf(train) + (params['judgedOn'] === 'train' ? 0 : tokensOf(validation)))
}

/** Tokens of scoring the pool, unless a cell before has done it: values of one kind are known to all arms of a task and budget. */
function scoringTokens({ params, train }: ResolvedAdaptation, pool: number, { task, budget }: Cell, scored: Set<string>): number {
  const id = selectionIds.find((known) => known === params['selection'])
  if (id === undefined || pool === 0 || selectionOf(id).cost !== 'model') return 0
  const place = JSON.stringify([task, budget, id])
  if (scored.has(place)) return 0
  if (id !== 'gradient') scored.add(place)
  return (id === 'gradient' ? 1 : pool) * tokensOf(train)
}

function added(left: Tokens, right: Tokens): Tokens {
  return { learned: left.learned + right.learned, answered: left.answered + right.answered }
}
