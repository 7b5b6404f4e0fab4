import type { AdapterDetail } from '../contract/adapter.ts'
import type { PlanFile } from '../contract/plan.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import { controlOf } from '../contract/controls.ts'
import { fittingIds, isResult, usableAdapter } from '../jobs/adapt-pool.ts'
import type { UsableAdapter } from '../jobs/adapt-types.ts'
import type { ReadyBase } from '../jobs/evaluate-resolve.ts'
import { createPlanMade } from './plan-adapters.ts'
import type { PlanServices } from './plan-services.ts'

/** The pool that all arms of a plan choose from, and what is to be said of it. */
export interface PlanPool {
  readonly pool: readonly UsableAdapter[]
  readonly problems: readonly Problem[]
}

/** Whether some arm chooses from the pool. */
export function needsPool({ arms }: Pick<PlanFile, 'arms'>): boolean {
  return arms.some((arm) => arm.kind !== 'base' && arm.kind !== 'train' && (arm.kind !== 'control' || controlOf(arm.control).needsPool))
}

/**
 * Looks the pool up: the adapters that are named, or every one that fits the base model, in the order of their names, without what plans made and what
 * was learned from examples of the plan's tasks. `hashes` are content hashes of a pool that was fixed when the plan began.
 */
export function findPlanPool(
  file: Pick<PlanFile, 'pool' | 'tasks' | 'arms'>,
  base: ReadyBase,
  services: Pick<PlanServices, 'library' | 'adapt'>,
  hashes: readonly string[] | null,
): PlanPool {
  const isNamed = hashes === null && file.pool.length > 0
  const { ids, problems } = isNamed ? namedIds(file.pool, services) : { ids: fittingIds(base, services.adapt), problems: [] }
  const usable = [...new Set(ids)].map((id) => ({ id, ...usableAdapter(id, base, services.adapt) }))
  const found = usable.flatMap(({ adapter, problems: said }) => (adapter && !said.some(isError) ? [adapter] : []))
  if (hashes !== null) return fixedPool(found, hashes)
  const left = isNamed ? usable.flatMap(({ id, problems: said }) => leftOut(services.library.adapters.get(id), said.find(isError))) : []
  const isMade = createPlanMade(services.library.plans)
  const isOther = (adapter: UsableAdapter): boolean => !isMade(adapter.detail) && !file.tasks.some((task) => isResult(adapter, task))
  const pool = isNamed ? found : found.filter(isOther).sort(byName)
  const empty = pool.length === 0 && needsPool(file) ? [poolEmpty(base.name, isNamed)] : []
  return { pool, problems: [...problems, ...left, ...empty] }
}

function namedIds(names: readonly string[], { library }: Pick<PlanServices, 'library'>) {
  const found = names.map((name) => library.adapters.find(name))
  return {
    ids: found.flatMap((one) => ('code' in one ? [] : [one.id])),
    problems: found.flatMap((one) => ('code' in one ? [{ ...one, where: { ...one.where, field: 'pool' } }] : [])),
  }
}

/** The adapters with these contents, in that order. */
function fixedPool(found: readonly UsableAdapter[], hashes: readonly string[]): PlanPool {
  const byHash = new Map(found.map((adapter) => [adapter.contentHash, adapter]))
  const pool = hashes.flatMap((hash) => byHash.get(hash) ?? [])
  const gone = hashes.length - pool.length
  return { pool, problems: gone > 0 ? [poolShrunk(gone, hashes.length)] : [] }
}

function byName(left: UsableAdapter, right: UsableAdapter): number {
  const [here, there] = [`${left.name} ${left.contentHash}`, `${right.name} ${right.contentHash}`]
  return here < there ? -1 : here > there ? 1 : 0
}

function isError({ severity }: Problem): boolean {
  return severity === 'error'
}

function leftOut(adapter: AdapterDetail | null, problem: Problem | undefined): readonly Problem[] {
  if (!problem) return []
  const message = `Left out of the pool: ${adapter?.name ?? 'an adapter'}. ${problem.message}`
  return [warningProblem(problem.code, message, { where: { ...problem.where, field: 'pool' } })]
}

function poolEmpty(base: string, isNamed: boolean): Problem {
  const what = isNamed ? `None of the adapters of the pool can be used with ${base}.` : `The library has no adapter that fits ${base}.`
  return errorProblem('pool-empty', what, {
    where: { field: 'pool' },
    hint: 'Import adapters that were trained on this base model, or leave out the arms that choose from a pool.',
  })
}

function poolShrunk(gone: number, all: number): Problem {
  return errorProblem('pool-empty', `${gone} of the ${all} adapters that this plan began with cannot be found or used any more.`, {
    where: { field: 'pool', value: String(gone) },
    hint: 'Put their files back, or start the plan anew: its arms must all choose from the same pool.',
  })
}
