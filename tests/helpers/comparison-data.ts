import type { Agreement, Comparison, Estimate, SweptCurve } from '../../src-main/contract/comparison.ts'
import type { CostGain, Stair } from '../../src-renderer/charts/chart-arms.ts'
import type { ArmRole } from '../../src-main/contract/plan.ts'
import type { ArmOnTask, ComparedArm } from '../../src-main/plans/compare-arms.ts'
import { createRandom, type Random } from '../../src-main/statistics/random.ts'

/** How large a made-up plan is. */
export interface MadePlanSize {
  readonly tasks: number
  readonly arms: number
  readonly seeds: number
  /** Test examples of each task. */
  readonly examples: number
}

/** The size that the window has to bear. */
export const largePlan: MadePlanSize = { tasks: 62, arms: 12, seeds: 5, examples: 300 }

export interface MadeArm {
  readonly id: string
  readonly label: string
  readonly role: ArmRole | null
  readonly control: boolean
  /** Mean share of right answers that was planted. */
  readonly planted: number
}

const named: readonly MadeArm[] = [
  { id: 'base', label: 'Base model', role: 'base', control: false, planted: 0.467 },
  { id: 'own', label: 'Own LoRA', role: 'own', control: false, planted: 0.657 },
  { id: 'merged', label: 'Tuned merge', role: 'merged', control: false, planted: 0.652 },
  { id: 'merged-own', label: 'Tuned merge with own LoRA', role: 'mergedWithOwn', control: false, planted: 0.675 },
  { id: 'random', label: 'Random parameters, tuned', role: 'random', control: true, planted: 0.609 },
  { id: 'random-own', label: 'Own LoRA and random parameters', role: 'randomWithOwn', control: true, planted: 0.672 },
  { id: 'retuned', label: 'Own LoRA, re-tuned', role: 'retuned', control: true, planted: 0.66 },
  { id: 'average', label: 'Average of 30', role: null, control: false, planted: 0.544 },
  { id: 'ties', label: 'TIES of 30', role: null, control: false, planted: 0.466 },
  { id: 'tsv', label: 'TSV-M of 30', role: null, control: false, planted: 0.504 },
  { id: 'lorahub', label: 'LoraHub, 20 adapters, derivative-free', role: null, control: false, planted: 0.563 },
  { id: 'dropout', label: 'Own LoRA, dropout 0.5', role: null, control: false, planted: 0.659 },
]

/** Arms of a made-up plan: the seven of the verdict, then others; any number of them. */
export function madeArms(count: number): readonly MadeArm[] {
  return Array.from({ length: count }, (_, index) => {
    const known = named[index]
    if (known) return known
    return {
      id: `other-${index}`,
      label: `Merge number ${index}`,
      role: null,
      control: index % 5 === 0,
      planted: 0.45 + 0.2 * ((index * 0.37) % 1),
    }
  })
}

/** Tasks of a made-up plan. */
export function madeTasks(count: number): readonly { readonly id: string; readonly title: string }[] {
  const subjects = ['Sentiment', 'Topics', 'Entailment', 'Word senses', 'Causes', 'Paraphrases', 'Code languages', 'Fields of papers']
  const kinds = ['of reviews', 'in news', 'in questions', 'of abstracts', 'in dialogues', 'of short messages', 'in law', 'of recipes']
  return Array.from({ length: count }, (_, index) => ({
    id: `task-${String(index + 1).padStart(2, '0')}`,
    title: `${subjects[index % 8]} ${kinds[Math.floor(index / 8) % 8]}`,
  }))
}

/** A number around 0 with standard deviation 1: twelve uniform ones. */
function around(random: Random): number {
  let sum = -6
  for (let turn = 0; turn < 12; turn++) sum += random.uniform()
  return sum
}

/**
 * Right and wrong answers of every arm: each task has a difficulty and each example a threshold that all arms share, so that arms mostly agree, as real
 * ones do. Deterministic for a seed. The base model has one seed.
 */
export function madeOutcomes(size: MadePlanSize, seed = 1): readonly (ComparedArm & MadeArm)[] {
  const random = createRandom(seed)
  const tasks = madeTasks(size.tasks)
  const difficulty = tasks.map(() => 0.12 * around(random))
  const threshold = tasks.map(() => Array.from({ length: size.examples }, () => random.uniform()))
  return madeArms(size.arms).map((arm) => {
    const onTasks = tasks.map(({ id }, task): readonly [string, ArmOnTask] => {
      const level = Math.min(0.98, Math.max(0.02, arm.planted + (difficulty[task] ?? 0) + 0.03 * around(random)))
      const seeds = arm.role === 'base' ? 1 : size.seeds
      const bySeed = Array.from({ length: seeds }, () =>
        // Nine of ten examples are decided by their threshold, the tenth anew for each arm and seed.
        Array.from({ length: size.examples }, (_, example) => {
          const drawn = random.uniform() < 0.9 ? (threshold[task]?.[example] ?? 0) : random.uniform()
          return drawn < level ? 1 : 0
        }),
      )
      return [id, { exampleIds: Array.from({ length: size.examples }, (_, example) => `${id}-${example}`), bySeed }]
    })
    return { ...arm, tasks: new Map(onTasks) }
  })
}

const interval = (value: number, half: number): Estimate['interval'] => ({ value, low: value - half, high: value + half })

/** Everything that the charts of a comparison read, made without a bootstrap: intervals are of the width that so many examples give. */
export interface MadeComparison {
  readonly arms: readonly MadeArm[]
  readonly tasks: readonly { readonly id: string; readonly title: string }[]
  readonly baseline: string
  readonly estimates: readonly Estimate[]
  readonly comparisons: readonly Comparison[]
  readonly stairs: readonly Stair[]
  readonly curves: readonly SweptCurve[]
  readonly costGain: readonly CostGain[]
  readonly agreement: Agreement
}

export function madeComparison(size: MadePlanSize, seed = 1): MadeComparison {
  const arms = madeArms(size.arms)
  const tasks = madeTasks(size.tasks)
  const outcomes = madeOutcomes({ ...size, seeds: 1, examples: Math.min(size.examples, 100) }, seed)
  const values = new Map(
    outcomes.map(({ id, tasks: onTasks }) => [
      id,
      [...onTasks.values()].map(({ bySeed }) => average(bySeed.flatMap((row) => Array.from(row)))),
    ]),
  )
  const places = [...tasks.map(({ id }, index) => ({ task: id, index })), ...(size.tasks > 1 ? [{ task: null, index: null }] : [])]
  const at = (arm: string, index: number | null): number => {
    const own = values.get(arm) ?? []
    return index === null ? average(own) : (own[index] ?? 0)
  }
  const half = (index: number | null): number => 0.98 / Math.sqrt(size.examples * (index === null ? size.tasks : 1))
  const estimates = places.flatMap(({ task, index }) =>
    arms.map(({ id, role }) => ({
      arm: id,
      task,
      interval: interval(at(id, index), half(index)),
      examples: size.examples * (index === null ? size.tasks : 1),
      seeds: role === 'base' ? 1 : size.seeds,
    })),
  )
  const comparisons = places.flatMap(({ task, index }) =>
    arms
      .filter(({ role }) => role !== 'base')
      .map(({ id }) => ({
        arm: id,
        to: 'base',
        task,
        interval: interval(at(id, index) - at('base', index), 0.7 * half(index)),
        pValue: index === null ? null : 0.01,
        adjusted: index === null ? null : 0.04,
        detectable: 1.4 * half(index),
      })),
  )
  const stairArms = ['base', 'random', 'merged', 'own', 'random-own', 'merged-own'].filter((id) => arms.some((arm) => arm.id === id))
  return {
    arms,
    tasks,
    baseline: 'base',
    estimates,
    comparisons,
    stairs: stairArms.map((arm, index) => {
      const from = stairArms[index - 1] ?? null
      return {
        arm,
        value: at(arm, null),
        from,
        added: from === null ? null : interval(at(arm, null) - at(from, null), 0.7 * half(null)),
      }
    }),
    curves: [sweptCurve('skip', size), sweptCurve('k', size), budgetCurve(arms, size)],
    costGain: arms.map(({ id }, index) => ({
      arm: id,
      tokens: id === 'base' ? 4.1e5 : 4e5 * (1 + index) ** 2.2,
      seconds: id === 'base' ? 3.4 : 4 * (1 + index) ** 1.9,
      gain: interval(at(id, null) - at('base', null), id === 'base' ? 0 : 0.7 * half(null)),
    })),
    agreement: madeAgreement(outcomes),
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function sweptCurve(id: 'skip' | 'k', size: MadePlanSize): SweptCurve {
  const settings = id === 'skip' ? [0, 1, 2, 5, 10, 20] : [5, 10, 20, 30]
  const slope = id === 'skip' ? -0.004 : 0.002
  const line = (label: string, arm: string, start: number, factor: number) => ({
    label,
    points: settings.map((x) => ({
      x,
      arm,
      interval: interval(start + factor * slope * x, 0.02),
      examples: size.tasks * size.examples,
    })),
  })
  return {
    id,
    axis: id === 'skip' ? 'Best adapters left out' : 'K, adapters merged',
    budget: 100,
    series: [line('Tuned merge', 'merged', 0.64, 1), line('Tuned merge with own LoRA', 'merged-own', 0.675, 0.3)],
  }
}

function budgetCurve(arms: readonly MadeArm[], size: MadePlanSize): SweptCurve {
  return {
    id: 'budget',
    axis: 'Labelled examples',
    budget: null,
    series: arms
      .filter(({ role }) => role !== 'base')
      .map(({ id, label, planted }, index) => ({
        label,
        points: [10, 30, 100].map((x) => ({
          x,
          arm: id,
          interval: interval(planted - (0.11 - 0.008 * index) * (1 - Math.log10(x) / 2), 0.015),
          examples: size.tasks * size.examples,
        })),
      })),
  }
}

/** Agreement on the first task and seed. */
export function madeAgreement(outcomes: readonly (ComparedArm & MadeArm)[]): Agreement {
  const answers = outcomes.map(({ tasks }) => Array.from([...tasks.values()][0]?.bySeed[0] ?? []))
  const count = (test: (example: number) => boolean): number => answers[0]?.filter((_, example) => test(example)).length ?? 0
  return {
    arms: outcomes.map(({ id }) => id),
    n: answers[0]?.length ?? 0,
    right: answers.map((one) => average(one) * one.length),
    both: answers.map((one) => answers.map((other) => count((example) => one[example] === 1 && other[example] === 1))),
    onlyRow: answers.map((one) => answers.map((other) => count((example) => one[example] === 1 && other[example] === 0))),
  }
}
