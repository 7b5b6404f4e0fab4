import type { Selected } from '../contract/adapt.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { selectionIds, selectionOf, type SelectionId } from '../contract/selection.ts'
import { rankCandidates, type Ranked } from '../selection/rank-candidates.ts'
import { choiceOf, flagOf, numberOf } from './adapt-params.ts'
import type { AdaptContext, AdaptServices, ChosenAdapters, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { gatherFacts } from './select-facts.ts'

/**
 * Chooses the adapters of a merge from the pool, as the parameters selection, k, ownFirst and skip say. Runs what the strategy needs: evaluations on
 * the training examples (known ones are taken from the library, new ones stored there), one pass for gradients, or similarities. Goes on behind what
 * an earlier run of the same job found. Throws Refusal: pool-empty where nobody is left to choose, what the work refuses, cancelled.
 */
export async function chooseAdapters(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
): Promise<ChosenAdapters> {
  const { params, pool, own } = adaptation
  const id = selectionIdOf(choiceOf(params, 'selection'))
  const first = flagOf(params, 'ownFirst') ? own : null
  const places = { k: numberOf(params, 'k'), ownFirst: first !== null, skip: numberOf(params, 'skip') }
  // Where one's own takes the only place nothing has to be found out.
  const hasRoom = id === 'all' || places.k > (first ? 1 : 0)
  const { facts, cost } = await gatherFacts(hasRoom ? id : 'manual', adaptation, services, context)
  const ranked = rankCandidates(id, hasRoom ? facts : [], places)
  const chosen = [...(first ? [first] : []), ...inPlaces(pool, ranked)]
  const selected = [...(first ? [ownFirst(first)] : []), ...pool.map((adapter, index) => selectedOf(adapter, ranked[index]))]
  if (chosen.length === 0) throw new Refusal([nobodyLeft(id, ranked)])
  context.note(`${selectionOf(id).label}: ${chosen.map(({ name }) => name).join(', ')}`)
  return { selected, chosen, cost }
}

function selectionIdOf(id: string): SelectionId {
  const known = selectionIds.find((candidate) => candidate === id)
  if (known === undefined) throw new Error(`there is no selection strategy ${id}`)
  return known
}

function inPlaces(pool: readonly UsableAdapter[], ranked: readonly Ranked[]): readonly UsableAdapter[] {
  return ranked
    .flatMap(({ place }, index) => (place === null ? [] : [{ place, adapter: pool[index]! }]))
    .sort((left, right) => left.place - right.place)
    .map(({ adapter }) => adapter)
}

function ownFirst({ id, name }: UsableAdapter): Selected {
  return { adapterId: id, name, value: null, place: 0, reason: null }
}

function selectedOf({ id, name }: UsableAdapter, ranked: Ranked | undefined): Selected {
  const { value, place, reason } = ranked ?? { value: null, place: null, reason: 'K is 1, and your own LoRA takes that place.' }
  return { adapterId: id, name, value, place, reason }
}

function nobodyLeft(id: SelectionId, ranked: readonly Ranked[]): Problem {
  const reasons = [...new Set(ranked.flatMap(({ reason }) => reason ?? []))]
  const why = reasons.length === 0 ? '' : ` ${reasons.slice(0, 3).join(' ')}`
  return errorProblem('pool-empty', `${selectionOf(id).label} leaves none of the ${ranked.length} adapters of the pool.${why}`, {
    where: { field: 'params.selection', value: id },
    hint: 'Leave out fewer of the best, choose another strategy, or a larger pool.',
  })
}
