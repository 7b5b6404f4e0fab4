import type { AdaptInput } from '../contract/adapt.ts'
import { isNamedForCell } from '../contract/cell-name.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { ParamValues } from '../contract/params.ts'
import { selectionIds, selectionOf } from '../contract/selection.ts'
import type { ControlEntry } from '../contract/controls.ts'
import type { Arm } from '../contract/tuners.ts'
import type { AdaptServices, CheckedAdaptation, UsableAdapter } from './adapt-types.ts'
import { checkFit } from './evaluate-fit.ts'
import type { ReadyBase } from './evaluate-resolve.ts'
import { findOne, poolAdapterOf } from './evaluate-subjects.ts'

/** The adapters of an adaptation. */
export interface AdaptPool extends Pick<CheckedAdaptation, 'pool' | 'unfit' | 'own' | 'startFrom'> {
  readonly problems: readonly Problem[]
}

type Sources = Pick<AdaptServices, 'adapters' | 'bases' | 'checkedStamp'>

/** What the pool is needed for. */
interface Wanted {
  readonly input: Pick<AdaptInput, 'pool' | 'ownId' | 'startFrom' | 'taskId'>
  readonly arm: Arm
  readonly control: ControlEntry | null
  readonly params: ParamValues
  readonly base: ReadyBase
}

/** Looks up pool, own LoRA and start; adapters of the pool that cannot be used are left out, with the reason. */
export function findPool({ input, arm, control, params, base }: Wanted, services: Sources): AdaptPool {
  const needsPool = control === null ? arm !== 'train' : control.needsPool
  const needsOwn = control?.needsOwn === true || params['ownFirst'] === true || (needsPool && selectionNeedsOwn(params))
  const own = one(input.ownId, 'ownId', base, services)
  const startFrom = arm === 'train' ? one(input.startFrom, 'startFrom', base, services) : nobody
  const problems = [...own.problems, ...startFrom.problems]
  if (needsOwn && input.ownId === null) problems.push(ownMissing(control, params))
  if (!needsPool) return { pool: [], unfit: [], own: own.adapter, startFrom: startFrom.adapter, problems }
  const wanted = input.pool.length > 0 ? input.pool : fittingIds(base, services)
  const ids = [...new Set(wanted)].filter((id) => id !== input.ownId)
  const pool: UsableAdapter[] = []
  const unfit: AdaptPool['unfit'][number][] = []
  for (const id of ids) {
    const { adapter, problems: said } = usableAdapter(id, base, services)
    const reason = said.find(({ severity }) => severity === 'error')
    if (adapter && input.pool.length === 0 && isResult(adapter, input.taskId)) continue
    if (adapter && !reason) pool.push(adapter)
    else unfit.push({ adapterId: id, name: services.adapters.get(id)?.name ?? id, reason: reason?.message ?? 'It cannot be used.' })
  }
  // One's own LoRA alone can be merged with itself: K is 1 then.
  const isAlone = own.adapter !== null && needsOwn
  if (pool.length === 0 && !isAlone) problems.push(poolEmpty(unfit, input.pool.length > 0, base.name))
  return { pool, unfit, own: own.adapter, startFrom: startFrom.adapter, problems }
}

/** The adapter with this id, as far as it is known, checked, mergeable and made for `base`; problems with an error say why it is not. */
export function usableAdapter(
  id: string,
  base: ReadyBase,
  services: Pick<Sources, 'adapters' | 'checkedStamp'>,
): { readonly adapter: UsableAdapter | null; readonly problems: readonly Problem[] } {
  const { found, problems } = findOne(id, services)
  const misfit = found && checkFit(found.detail, found.detail.modules, base)
  if (!found || misfit) return { adapter: null, problems: [...problems, ...(misfit ? [misfit] : [])] }
  return { adapter: { ...poolAdapterOf(found), detail: found.detail }, problems }
}

/**
 * What earlier jobs of Adapt made for this task, tuned, or made as a control, and everything that plans made. Such adapters are no part of a pool that was not put together by hand:
 * it would change with every job, and hold what was learned from the same examples.
 */
export function isResult({ detail: { name, lineage } }: UsableAdapter, taskId: string): boolean {
  if (lineage !== null && isNamedForCell(name)) return true
  const made = lineage?.adaptation
  return made !== undefined && (made.arm !== 'train' || made.control !== null || made.taskId === taskId)
}

const nobody = { adapter: null, problems: [] as readonly Problem[] }

function one(id: string | null, field: string, base: ReadyBase, services: Sources) {
  if (id === null) return nobody
  const { adapter, problems } = usableAdapter(id, base, services)
  return { adapter, problems: problems.map((problem) => ({ ...problem, where: { ...problem.where, field, value: id } })) }
}

/** Every adapter of the library that fits the base model. Throws a Refusal where the base model is unknown. */
export function fittingIds(base: ReadyBase, { bases }: Pick<Sources, 'bases'>): readonly string[] {
  const matches = bases.matches(base.id)
  if ('code' in matches) throw new Refusal([matches])
  return matches.fitting.map(({ id }) => id)
}

function selectionNeedsOwn(params: ParamValues): boolean {
  const id = selectionIds.find((known) => known === params['selection'])
  return id !== undefined && selectionOf(id).needs.query
}

function ownMissing(control: ControlEntry | null, params: ParamValues): Problem {
  const who =
    control?.needsOwn === true
      ? `The control "${control.label}"`
      : params['ownFirst'] === true
        ? 'Putting your own LoRA first'
        : `The selection "${String(params['selection'])}"`
  return errorProblem('own-missing', `${who} needs your own LoRA for this task.`, {
    where: { field: 'ownId' },
    hint: 'Train one on the same examples, or choose one that is there.',
  })
}

function poolEmpty(unfit: AdaptPool['unfit'], given: boolean, base: string): Problem {
  const [first] = unfit
  const message =
    first === undefined
      ? `The library has no adapter that fits ${base}.`
      : `None of the ${unfit.length} adapters of the pool can be used with ${base}. ${first.name}: ${first.reason}`
  return errorProblem('pool-empty', message, {
    where: { field: 'pool', value: String(unfit.length) },
    hint: given ? 'Choose others, or leave the pool empty for all that fit.' : 'Import adapters that were trained on this base model.',
  })
}
