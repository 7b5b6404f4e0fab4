/** One cell of demo-adapt.ts: four arms on one task with one budget, evaluated on the test split. */
import * as v from 'valibot'
import type { evaluate } from '../src-main/command-line/eval.ts'
import type { Session } from '../src-main/command-line/session.ts'
import { adaptInputSchema, type AdaptRequestInput } from '../src-main/contract/adapt.ts'
import { Refusal } from '../src-main/contract/problems.ts'
import { evaluateInputSchema, type Run, type Subject } from '../src-main/contract/run.ts'
import type { budgets } from '../src-main/contract/task.ts'
import type { AdaptKind } from '../src-main/jobs/adapt-types.ts'
import { bootstrapDefaults } from '../src-main/statistics/bootstrap.ts'
import { pairedBootstrap } from '../src-main/statistics/paired.ts'

/** What every cell is made with. */
export const settings = {
  freshPreset: 'small_model_lora',
  /** Steps of the fresh LoRA by budget; the preset's where none is named. */
  freshSteps: { 10: 100 } as Readonly<Record<number, number>>,
  tunedPreset: 'recycling_2026_demo',
  /** As the kit's own accuracies were measured. */
  maxNewTokens: 6,
  bootstrap: bootstrapDefaults,
}

type Budget = (typeof budgets)[number]

/** What a cell is about. */
export interface CellPlace {
  readonly baseId: string
  readonly task: string
  readonly budget: Budget
  readonly pool: readonly string[]
  readonly seed: number
}

interface Measured {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  readonly n: number
}
/** One arm on the test split, and how it was made. */
interface Arm extends Measured {
  /** Wall-clock of the whole job: selection, learning, writing, measuring. */
  readonly seconds: number
  readonly learningSeconds: number
  readonly tokens: number
  readonly chosenStep: number | null
  readonly startLoss: number | null
  readonly chosenLoss: number | null
  readonly rank: number | null
  /** Adapters of the pool in the sum, by name. */
  readonly chosen: readonly string[]
}
interface Paired {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly n: number
  readonly standardError: number
}

export interface Cell {
  readonly task: string
  readonly budget: Budget
  readonly seed: number
  readonly metric: string
  readonly trainExamples: number
  readonly validationExamples: number
  readonly arms: { readonly base: Measured; readonly fresh: Arm; readonly tunedWithout: Arm; readonly tunedWith: Arm }
  readonly differences: {
    readonly tunedWithoutMinusBase: Paired
    readonly freshMinusBase: Paired
    /** `holds`: not below minus two standard errors. */
    readonly tunedWithMinusFresh: Paired & { readonly holds: boolean }
  }
  readonly seconds: number
}

type Evaluate = (input: Parameters<typeof evaluate>[1]) => ReturnType<typeof evaluate>

/** Makes and evaluates the arms. Throws a Refusal where a job does not end well. */
export async function runCell(session: Session, place: CellPlace, evaluateOn: Evaluate): Promise<Cell> {
  const began = performance.now()
  const { baseId, task, budget, pool, seed } = place
  const common = { baseId, taskId: task, budget, seed }
  const steps = settings.freshSteps[budget]
  const fresh = await runArm(session, 'train', {
    ...{ ...common, arm: 'train', preset: settings.freshPreset, name: `${task} ${budget}, fresh` },
    ...(steps !== undefined && { params: { steps } }),
  })
  const tuned: AdaptRequestInput = { ...common, arm: 'tune', preset: settings.tunedPreset, pool: [...pool] }
  const without = await runArm(session, 'tune', { ...tuned, name: `${task} ${budget}, tuned` })
  const withOwn = await runArm(session, 'tune', {
    ...{ ...tuned, ownId: fresh.adapterId, params: { ownFirst: true }, name: `${task} ${budget}, tuned with own` },
  })
  const made = [fresh, without, withOwn]
  const subjects: Subject[] = [{ kind: 'base' }, ...made.map(({ adapterId }): Subject => ({ kind: 'adapter', adapterId, coefficient: 1 }))]
  const tasks = [{ taskId: task, split: 'test' }]
  const { runs, problems } = await evaluateOn(
    v.parse(evaluateInputSchema, { baseId, subjects, tasks, maxNewTokens: settings.maxNewTokens }),
  )
  if (runs.length !== subjects.length) throw new Refusal(problems)
  const [base, own, merged, both] = runs as [Run, Run, Run, Run]
  const values = runs.map((run) => valuesOf(session, run))
  const paired = (left: number, right: number): Paired => pairedOf(values[left]!, values[right]!)
  const tunedWithMinusFresh = paired(3, 1)
  return {
    ...{ task, budget, seed, metric: base.metric, trainExamples: fresh.trainExamples, validationExamples: fresh.validationExamples },
    arms: { base: measured(base), fresh: armOf(own, fresh), tunedWithout: armOf(merged, without), tunedWith: armOf(both, withOwn) },
    differences: {
      tunedWithoutMinusBase: paired(2, 0),
      freshMinusBase: paired(1, 0),
      tunedWithMinusFresh: { ...tunedWithMinusFresh, holds: tunedWithMinusFresh.value >= -2 * tunedWithMinusFresh.standardError },
    },
    seconds: (performance.now() - began) / 1000,
  }
}

interface MadeArm extends Omit<Arm, keyof Measured> {
  readonly adapterId: string
  readonly trainExamples: number
  readonly validationExamples: number
}

async function runArm({ services }: Session, kind: AdaptKind, input: AdaptRequestInput): Promise<MadeArm> {
  const { queue, library } = services
  const { jobId, problems } = queue.start(kind, v.parse(adaptInputSchema, input))
  if (jobId === null) throw new Refusal(problems)
  const began = performance.now()
  const job = await queue.whenEnded(jobId)
  const detail = library.adaptations.get(jobId)
  if (job.state !== 'done' || job.resultAdapterId === null || !detail) throw new Refusal(job.problems)
  const { chosenStep, startLoss, chosenLoss, cost, selection, form, trainExamples, validationExamples } = detail
  return {
    adapterId: job.resultAdapterId,
    seconds: (performance.now() - began) / 1000,
    ...{ learningSeconds: cost.seconds, tokens: cost.tokens, chosenStep, startLoss, chosenLoss, rank: form?.rank ?? null },
    chosen: selection.flatMap(({ name, place }) => (place === null ? [] : [{ name, place }])).sort((left, right) => left.place - right.place).map(({ name }) => name), // prettier-ignore
    ...{ trainExamples, validationExamples },
  }
}

function armOf(run: Run, { adapterId: _adapter, trainExamples: _train, validationExamples: _validation, ...made }: MadeArm): Arm {
  return { ...measured(run), ...made }
}

function measured({ value, low, high, done: n }: Run): Measured {
  return { value, low, high, n }
}

/** The metric's value of every example, by its id; one without an answer counts 0. */
function valuesOf({ services }: Session, { id, n }: Run): ReadonlyMap<string, number> {
  const { rows } = services.library.runs.outcomes({ runId: id, other: null, filter: 'all', text: '', offset: 0, limit: n })
  return new Map(rows.map(({ here }) => [here.exampleId, here.value ?? 0]))
}

/** Left minus right on the examples that both have, with its interval and the standard error of its mean. */
function pairedOf(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): Paired {
  const differences = [...left].flatMap(([id, value]) => (right.has(id) ? [value - right.get(id)!] : []))
  const n = differences.length
  const { value, low, high } = pairedBootstrap(differences)
  const variance = differences.reduce((sum, one) => sum + (one - value) ** 2, 0) / Math.max(1, n - 1)
  return { value, low, high, n, standardError: Math.sqrt(variance / n) }
}
