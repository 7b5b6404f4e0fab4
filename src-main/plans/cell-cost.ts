import type { AdaptationDetail } from '../contract/adapt.ts'
import type { CellCost } from '../contract/plan-run.ts'
import { selectionIds, selectionOf } from '../contract/selection.ts'
import { encodeAdaptation } from '../jobs/adapt-examples.ts'
import { secondsFor } from '../jobs/adapt-rate.ts'
import { resolveAdaptation } from '../jobs/adapt-resolve.ts'
import { chooseDevice } from '../jobs/evaluate-device.ts'
import type { EvaluateResult } from '../jobs/evaluate.ts'
import { tokensOf } from '../jobs/adapt-size.ts'
import { adaptInputOf } from './cell-input.ts'
import { testExamples, tokensOfTest } from './plan-tasks.ts'
import type { CellToRun, PlanServices } from './plan-services.ts'

type Spent = CellCost['learning']

/** Nothing was spent. */
export const nothingSpent: Spent = { tokens: 0, seconds: 0 }

/** Two expenses as one. */
export function addSpent(left: Spent, right: Spent): Spent {
  return { tokens: left.tokens + right.tokens, seconds: left.seconds + right.seconds }
}

/** What a cell took before its test examples were answered; `ownCost` is what training the own LoRA that it needs took. */
export async function costBeforeTest(
  toRun: CellToRun,
  details: readonly AdaptationDetail[],
  ownCost: Spent,
  services: PlanServices,
): Promise<Omit<CellCost, 'test'>> {
  const selected = details.map(({ cost }) => cost.selection ?? nothingSpent).reduce(addSpent, nothingSpent)
  const all = details.map(({ cost }) => cost).reduce<Spent>(addSpent, nothingSpent)
  const scored = Math.max(0, ...details.map(({ cost }) => cost.scoredAdapters))
  return {
    selection: { ...(await scoringCost(toRun, selected, services)), adapters: scored },
    own: { tokens: ownCost.tokens, seconds: ownCost.seconds },
    learning: { tokens: Math.max(0, all.tokens - selected.tokens), seconds: Math.max(0, all.seconds - selected.seconds) },
    spent: all,
    device: details.at(-1)?.cost.device || (chooseDevice(services.evaluation.settings().device, services.adapt.engine).device?.name ?? ''),
    examples: Math.max(0, ...details.map(({ cost }) => cost.examples)),
  }
}

/**
 * What choosing takes for a cell alone, whether its pool was scored for it or for an earlier one: what was spent, or, where values were known, the tokens
 * of the labelled examples once for every adapter (once for all in a pass for gradients) at the rate of this device.
 */
export async function scoringCost(toRun: CellToRun, spent: Spent, services: PlanServices): Promise<Spent> {
  const input = adaptInputOf(toRun)
  const checked = input && resolveAdaptation(input, services.adapt).checked
  if (!checked || checked.pool.length === 0) return spent
  const id = selectionIds.find((known) => known === checked.params['selection'])
  if (id === undefined || selectionOf(id).cost !== 'model') return spent
  const { adaptation } = await encodeAdaptation(checked, services.adapt)
  if (!adaptation) return spent
  const passes = id === 'gradient' ? 1 : checked.pool.length
  const tokens = passes * tokensOf(adaptation.train)
  if (spent.tokens >= tokens) return spent
  const seconds =
    spent.tokens > 0 ? (spent.seconds * tokens) / spent.tokens : secondsFor(services.adapt, checked, { learned: 0, answered: tokens })
  return { tokens, seconds: seconds ?? 0 }
}

/**
 * What answering the test examples takes for a cell alone. Every subject of a job answers the same ones, so each took its share of what was computed; where
 * all answers were known, their tokens at the rate of this device.
 */
export async function testCost(
  { plan, cell }: CellToRun,
  { computed, runs, known }: EvaluateResult,
  services: PlanServices,
): Promise<Spent> {
  const fresh = runs.length - known
  if (computed && fresh > 0) return { tokens: computed.tokens / fresh, seconds: computed.seconds / fresh }
  const tokens = tokensOfTest(await testExamples(plan, cell.task, services))
  const device = services.library.runs.get(runs[0] ?? '')?.provenance['device'] ?? ''
  const rate = services.library.runs.rate(device, plan.baseId)
  return { tokens, seconds: rate === null ? 0 : tokens / rate }
}

/** The whole cost, with that of answering the test examples: `test` alone, of which `computed` was spent now. */
export function withTest(before: Omit<CellCost, 'test'>, test: Spent, computed: Spent): CellCost {
  return { ...before, test, spent: addSpent(before.spent, computed) }
}
