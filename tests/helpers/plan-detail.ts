/** A plan with results as plans.get answers, made up by formula: of any size, without a library, without a bootstrap. */
import type { BudgetComparison, Comparison, Estimate, SpokenVerdict, SweptCurve } from '../../src-main/contract/comparison.ts'
import { planPresets } from '../../src-main/contract/plan-presets.ts'
import type { Arm, ArmRole, PlanFile } from '../../src-main/contract/plan.ts'
import type { CellCost, PlanCell, PlanDetail } from '../../src-main/contract/plan-run.ts'
import { expandPlan } from '../../src-main/plans/expand-plan.ts'
import { holm } from '../../src-main/statistics/holm.ts'
import { judge } from '../../src-main/statistics/verdict.ts'

type Budget = BudgetComparison['budget']

/** What the made-up plan is like; every part has a default. */
export interface PlanDetailOptions {
  readonly arms?: readonly Arm[]
  readonly tasks?: readonly string[]
  readonly budgets?: PlanFile['budgets']
  readonly seeds?: readonly number[]
  /** Test examples of each task. */
  readonly n?: number
  /** Over the finished detail. */
  readonly changes?: Partial<PlanDetail>
}

/** Shares that arms reach, by role and else by their place: near the study's, so that the verdict is one it could have given. */
const levels: Readonly<Record<ArmRole, number>> = {
  base: 0.467,
  own: 0.657,
  merged: 0.652,
  mergedWithOwn: 0.675,
  random: 0.609,
  randomWithOwn: 0.672,
  retuned: 0.66,
}

/** Arms of the quick look. */
export const quickLookArms: readonly Arm[] = planPresets[0]!.plan.arms

/** A finished plan. Values are round functions of arm, task and budget; intervals are normal ones of that n. */
export function makePlanDetail(options: PlanDetailOptions = {}): PlanDetail {
  const { arms = quickLookArms, tasks = ['sentiment_stars'], budgets = [100], seeds = [1], n = 200 } = options
  const file: PlanFile = {
    ...{ version: 1, title: 'Quick look', preset: 'quick_look', base: 'demo-base', pool: [], margin: 0.02, testLimit: null },
    ...{ tasks: [...tasks], budgets: [...budgets], seeds: [...seeds], arms: [...arms] },
  }
  const measured = budgets.map((budget) => comparisonOf(file, budget ?? 'all', n))
  const cells = expandPlan(file).map((cell): PlanCell => {
    const value = levelOf(file, cell.arm, cell.task, cell.budget ?? 100)
    return {
      ...{ id: cell.id, arm: cell.arm.id, task: cell.task, budget: cell.budget, seed: cell.seed, needs: [...cell.needs] },
      ...{ state: 'done', jobId: `job-${cell.arm.id}`, adapterId: null, adapterName: cell.arm.kind === 'base' ? null : `${cell.arm.id}-1` },
      ...{ value, n, cost: costOf(cell.arm), appVersion: '0.1.0', problems: [] },
    }
  })
  return {
    ...{ id: 'plan-1', title: file.title, preset: file.preset, state: 'done', archived: false, baseName: 'demo-base', tasks: [...tasks] },
    ...{ createdAt: '2026-11-22T10:00:00.000Z', startedAt: '2026-11-22T10:00:01.000Z', endedAt: '2026-11-22T10:04:00.000Z' },
    ...{ done: cells.length, failed: 0, total: cells.length, headline: measured.at(-1)?.verdicts.at(-1)?.headline ?? null },
    ...{ file, baseline: null, cells, progress: null, comparisons: measured, curves: curvesOf(measured), importedFrom: null, problems: [] },
    tasksInfo: tasks.map((task) => ({ task, title: titleOf(task), metric: 'exact_match', n, detectable: 2.8 * Math.sqrt(0.2 / n) })),
    ablations: [],
    costs: arms.map((arm) => ({ arm: arm.id, budget: arm.kind === 'base' ? null : (budgets.at(-1) ?? 'all'), cost: costOf(arm) })),
    provenance: {
      ...{ appVersion: '0.1.0', baseHash: 'ba5e'.repeat(16), device: 'cpu (Example, AVX2)', threads: '1', nativeBuild: 'example' },
      ...{ pool: '20 adapters', seeds: seeds.join(', ') },
    },
    ...options.changes,
  }
}

function titleOf(task: string): string {
  return task.charAt(0).toUpperCase() + task.slice(1).replaceAll('_', ' ')
}

function levelOf({ arms, tasks }: PlanFile, arm: Arm, task: string, budget: Budget): number {
  const place = arms.indexOf(arm)
  const level = arm.role === null ? 0.5 + 0.015 * (place % 10) : levels[arm.role]
  const data = arm.kind === 'base' || budget === 'all' ? 0 : 0.04 * Math.log10(budget / 100)
  return Math.min(1, Math.max(0, level + data + 0.03 * Math.sin(7 * tasks.indexOf(task) + place)))
}

function around(value: number, deviation: number): { value: number; low: number; high: number } {
  return { value, low: value - 1.96 * deviation, high: value + 1.96 * deviation }
}

function comparisonOf(file: PlanFile, budget: Budget, n: number): BudgetComparison {
  const { arms, tasks } = file
  const places: readonly (string | null)[] = tasks.length > 1 ? [...tasks, null] : tasks
  const valueOf = (arm: Arm, task: string | null): number =>
    task === null ? mean(tasks.map((one) => levelOf(file, arm, one, budget))) : levelOf(file, arm, task, budget)
  const sizeOf = (task: string | null): number => (task === null ? n * tasks.length : n)
  const between = (arm: Arm, to: Arm, task: string | null) => around(valueOf(arm, task) - valueOf(to, task), Math.sqrt(0.1 / sizeOf(task)))
  const baseline = arms.find(({ role }) => role === 'base') ?? arms[0]!
  const estimates = places.flatMap((task) =>
    arms.map((arm): Estimate => {
      const value = valueOf(arm, task)
      const interval = around(value, Math.sqrt((value * (1 - value)) / sizeOf(task)))
      return { arm: arm.id, task, interval, examples: sizeOf(task), seeds: arm.kind === 'base' ? 1 : file.seeds.length }
    }),
  )
  const comparisons = places.flatMap((task) => {
    const others = arms.filter((arm) => arm !== baseline)
    const single = task !== null && file.seeds.length === 1
    const pValues = others.map((arm) => Math.min(1, Math.exp(-40 * Math.abs(between(arm, baseline, task).value))))
    const adjusted = holm(pValues)
    return others.map((arm, index): Comparison => ({
      ...{ arm: arm.id, to: baseline.id, task, interval: between(arm, baseline, task) },
      ...{ pValue: single ? pValues[index]! : null, adjusted: single ? adjusted[index]! : null },
      detectable: 2.8 * Math.sqrt(0.2 / sizeOf(task)),
    }))
  })
  const withRole = (role: ArmRole) => arms.find((arm) => arm.role === role)
  const verdicts = places.map((task): SpokenVerdict => {
    const verdict = judge((arm, to) => {
      const [one, other] = [withRole(arm), withRole(to)]
      return one && other ? between(one, other, task) : null
    }, file.margin)
    return {
      ...{ task, verdict, headline: `The outcome is ${verdict.outcome}.`, strength: `On ${sizeOf(task)} test examples.` },
      statement: arms.map((arm) => `${arm.label ?? arm.id} ${(100 * valueOf(arm, task)).toFixed(1)}.`).join(' '),
      toDecide: verdict.outcome === 'undecided' ? 'About 4,000 test examples would decide it.' : null,
    }
  })
  const overAll = places.at(-1) ?? null
  return {
    ...{ budget, baseline: baseline.id, estimates, comparisons, verdicts },
    tallies: arms
      .filter((arm) => arm !== baseline)
      .map(({ id }) => {
        const own = comparisons.filter(({ arm, task }) => arm === id && task !== null)
        const wins = own.filter(({ interval }) => interval.low > 0).length
        const losses = own.filter(({ interval }) => interval.high < 0).length
        return { arm: id, to: baseline.id, wins, ties: own.length - wins - losses, losses }
      }),
    stairs: [
      {
        task: overAll,
        steps: stairsOf(
          arms,
          (arm, to) => between(arm, to, overAll),
          (arm) => valueOf(arm, overAll),
        ),
      },
    ],
    costGain: arms.map((arm) => {
      const { selection, own, learning, test } = costOf(arm)
      const parts = [selection, own, learning, test]
      return {
        ...{ arm: arm.id, gain: between(arm, baseline, overAll) },
        tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
        seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
      }
    }),
  }
}

function stairsOf(
  arms: readonly Arm[],
  between: (arm: Arm, to: Arm) => { value: number; low: number; high: number },
  valueOf: (arm: Arm) => number,
): BudgetComparison['stairs'][number]['steps'] {
  const order: readonly ArmRole[] = ['base', 'random', 'merged', 'own', 'randomWithOwn', 'mergedWithOwn']
  const steps = order.flatMap((role) => arms.filter((arm) => arm.role === role))
  return steps.map((arm, index) => {
    const from = steps[index - 1]
    return { arm: arm.id, value: valueOf(arm), from: from?.id ?? null, added: from ? between(arm, from) : null }
  })
}

function curvesOf(measured: readonly BudgetComparison[]): SweptCurve[] {
  if (measured.length < 2) return []
  const arms = [...new Set(measured[0]!.estimates.map(({ arm }) => arm))]
  const task = measured[0]!.estimates.at(-1)?.task ?? null
  return [
    {
      ...{ id: 'budget', axis: 'Labelled examples', budget: null },
      series: arms.map((arm) => ({
        label: arm,
        points: measured.flatMap(({ budget, estimates }) =>
          typeof budget === 'number'
            ? estimates
                .filter((estimate) => estimate.arm === arm && estimate.task === task)
                .map(({ interval, examples }) => ({ x: budget, arm, interval, examples }))
            : [],
        ),
      })),
    },
  ]
}

function costOf(arm: Arm): CellCost {
  const scores = arm.kind === 'base' || arm.kind === 'train' ? 0 : 1
  const learns = arm.kind === 'base' || arm.kind === 'best_single' || arm.kind === 'merge' ? 0 : 1
  return {
    selection: { tokens: 40_000 * scores, seconds: 20 * scores, adapters: 20 * scores },
    own: arm.role?.endsWith('Own') || arm.role === 'retuned' ? { tokens: 50_000, seconds: 12.5 } : { tokens: 0, seconds: 0 },
    learning: { tokens: 30_000 * learns, seconds: 9 * learns },
    test: { tokens: 6000, seconds: 1.5 },
    spent: { tokens: 30_000 * learns + 6000, seconds: 9 * learns + 1.5 },
    ...{ device: 'cpu', examples: arm.kind === 'base' ? 0 : 100 },
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
