import type { PlanOutcome } from '../contract/plan-run.ts'
import type { PlanStore } from '../library/plan-types.ts'
import { cellsOfRun, hasRight, rightValue, type OneRun } from './agreement.ts'

/** What is asked of the example browser. */
export interface PlanOutcomesQuery extends OneRun {
  readonly arms: readonly string[]
  /** Arms that must have the example right, and arms that must have it wrong. */
  readonly right: readonly string[]
  readonly wrong: readonly string[]
  /** Held by prompt, answer or one of the shown predictions, whatever the case. */
  readonly text: string
  readonly offset: number
  readonly limit: number
}

/** A page of the test examples of one task with what the arms answered, in the order of the task. */
export function planOutcomes(plans: PlanStore, query: PlanOutcomesQuery): { readonly rows: PlanOutcome[]; readonly total: number } {
  const cells = cellsOfRun(plans, query)
  const wanted = [...new Set([...query.arms, ...query.right, ...query.wrong])].filter((arm) => cells.has(arm))
  const values = plans.values(
    query.planId,
    wanted.map((arm) => cells.get(arm)!.id),
  )
  const places = new Map(
    wanted.map((arm) => {
      const given = values.get(cells.get(arm)!.id)
      return [arm, { values: given?.values ?? new Float64Array(), at: new Map(given?.exampleIds.map((id, place) => [id, place])) }]
    }),
  )
  const task = plans.task(query.planId, query.task)
  const canBeRight = hasRight(task ?? undefined)
  const valueOf = (arm: string, exampleId: string): number | undefined => {
    const given = places.get(arm)
    const place = given?.at.get(exampleId)
    return place === undefined ? undefined : given!.values[place]
  }
  const isRight = (arm: string, exampleId: string): boolean | null => {
    const value = canBeRight ? valueOf(arm, exampleId) : undefined
    return value === undefined ? null : value === rightValue
  }
  const shown = query.arms.filter((arm) => places.has(arm))
  const predictions = plans.predictions(
    query.planId,
    shown.map((arm) => cells.get(arm)!.id),
  )
  const outcomeOf = (example: { readonly id: string; readonly prompt: string; readonly answer: string }): PlanOutcome => ({
    ...{ exampleId: example.id, prompt: example.prompt, answer: example.answer },
    byArm: shown.flatMap((arm) => {
      const value = valueOf(arm, example.id)
      if (value === undefined) return []
      return [{ arm, value, prediction: predictions.get(cells.get(arm)!.id)?.[places.get(arm)!.at.get(example.id)!] ?? null }]
    }),
  })
  const sought = query.text.trim().toLowerCase()
  const found = examplesOf(task?.examples ?? [], places).flatMap((example): PlanOutcome[] => {
    if (!query.right.every((arm) => isRight(arm, example.id) === true)) return []
    if (!query.wrong.every((arm) => isRight(arm, example.id) === false)) return []
    const outcome = outcomeOf(example)
    return outcome.byArm.length > 0 && holds(outcome, sought) ? [outcome] : []
  })
  return { rows: found.slice(query.offset, query.offset + query.limit), total: found.length }
}

type Example = { readonly id: string; readonly prompt: string; readonly answer: string }

/** Examples of the task, then those that were answered and are not in it (it was not put down, or changed). */
function examplesOf(
  examples: readonly Example[],
  places: ReadonlyMap<string, { readonly at: ReadonlyMap<string, number> }>,
): readonly Example[] {
  const known = new Set(examples.map(({ id }) => id))
  const others = new Set([...places.values()].flatMap(({ at }) => [...at.keys()].filter((id) => !known.has(id))))
  return [...examples, ...[...others].map((id) => ({ id, prompt: '', answer: '' }))]
}

function holds({ prompt, answer, byArm }: PlanOutcome, sought: string): boolean {
  if (sought === '') return true
  return [prompt, answer, ...byArm.map(({ prediction }) => prediction ?? '')].some((text) => text.toLowerCase().includes(sought))
}
