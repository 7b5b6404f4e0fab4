import { join } from 'node:path'
import type { AdaptationDetail } from '../contract/adapt.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { Outcome, Run } from '../contract/run.ts'
import { pairedBootstrap } from '../statistics/paired.ts'
import { measuredOf, runContenders, standards, type Contender } from './adapt-measure.ts'
import { costOf, noCost, type AdaptResult } from './adapt-result.ts'
import type { AdaptContext, AdaptServices, AdaptWork, ChosenAdapters, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { recipeOfSum, type LearnedSum } from './learned-sum.ts'
import { resolveSum } from './make-sum.ts'
import { madeAdapter, makeAdapterFolder } from './overlay-source.ts'
import type { RunOutcome } from './runner.ts'
import { chooseAdapters } from './select-adapters.ts'

/** The control "coefficients times 0": the chosen adapters at coefficient 0 must answer as the base model does. */
export const runZeroCoefficients: AdaptWork = async (adaptation, services, context) => {
  const { selected, chosen, cost } = await chooseAdapters(adaptation, services, context)
  context.update({ selection: [...selected] })
  const sum: LearnedSum = { adapters: chosen, coefficients: chosen.map(({ modules }) => modules.map(() => 0)) }
  const merged = await mergeInFolder(sum, adaptation, services, context, 'the chosen adapters times 0')
  return check({ adaptation, services, context }, 'the base model', standards(adaptation)[0]!, merged, cost)
}

/** The control "my LoRA times 1": one's own LoRA through the merge at coefficient 1 must answer as it does itself. */
export const runOwnAlone: AdaptWork = async (adaptation, services, context) => {
  const { own } = adaptation
  if (!own) throw new Error('the control needs an own adapter')
  const sum: LearnedSum = { adapters: [own], coefficients: [own.modules.map(() => 1)] }
  const merged = await mergeInFolder(sum, adaptation, services, context, `${own.name}, merged at 1`)
  return check({ adaptation, services, context }, own.name, standards(adaptation)[1]!, merged, noCost)
}

interface Job {
  readonly adaptation: ResolvedAdaptation
  readonly services: AdaptServices
  readonly context: AdaptContext
}

/** Merges a sum into the work folder: what is compared has really gone through the merge. */
async function mergeInFolder(
  sum: LearnedSum,
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
  name: string,
): Promise<UsableAdapter> {
  const { job } = resolveSum(adaptation, services, sum, 0)
  const folder = join(context.folder, 'merged')
  const file = await makeAdapterFolder(folder)
  const { rank } = await services.engine.merge(job, file, { onProgress: context.report, signal: context.signal })
  const modules = job.modules.map(({ name: module, in: width, out, outputA, outputB }) => ({
    ...{ name: module, layer: null, moduleKind: module.slice(module.lastIndexOf('.') + 1), in: width, out, rank },
    ...{ alpha: rank, scaling: 1, dtype: 'float32' as const, tensorA: outputA, tensorB: outputB, norm: null },
  }))
  const [first] = sum.adapters
  return madeAdapter(first!.detail, { id: 'merged', name, contentHash: adaptation.fingerprint, folder, modules })
}

/** Compares answer by answer. A difference is a defect of the app, and it is said as an error beside the finished job. */
async function check(
  { adaptation, services, context }: Job,
  expected: string,
  standard: Contender,
  merged: UsableAdapter,
  spent: ChosenAdapters['cost'],
): Promise<RunOutcome> {
  // As a recipe: the merged adapter is in no library, and a table of results must not lead to it.
  const recipe = recipeOfSum({ adapters: [merged], coefficients: [merged.modules.map(() => 1)] }, 0, adaptation.input.seed)
  const contender: Contender = { what: 'exact', subject: { kind: 'recipe', name: merged.name, recipe } }
  const others = standards(adaptation).filter(({ what }) => what !== standard.what)
  const contenders = [standard, contender, ...others]
  const runs = await runContenders(contenders, adaptation, services, context, [merged])
  const [there, here] = runs
  if (!there || !here) throw new Error('an evaluation without its runs')
  const found = compareRuns(services, here, there)
  const measured = measuredOf(contenders, runs)
  const rank = merged.modules[0]?.rank ?? 0
  const cost = costOf(adaptation, spent)
  context.update({ check: { expected, ...found }, form: { rank, exact: true, keptEnergy: 1, measured }, cost })
  const problems: readonly Problem[] = found.equal === found.n ? [] : [notEqual(expected, found)]
  const nothing = { adapterId: null, path: null, chosenStep: null, startLoss: null, chosenLoss: null, stopped: null }
  const result: AdaptResult & { readonly check: Check } = { ...nothing, measured, cost, check: { expected, ...found } }
  return { adapterId: null, result, problems }
}

type Check = NonNullable<AdaptationDetail['check']>

/** Outcomes asked for at once. */
const pageSize = 1000

function compareRuns({ runs }: Pick<AdaptServices, 'runs'>, here: Run, there: Run): Omit<Check, 'expected'> {
  const differences: number[] = []
  let [equal, n] = [0, 0]
  for (let offset = 0; ; offset += pageSize) {
    const { rows, total } = runs.outcomes({ runId: here.id, other: there.id, filter: 'all', text: '', offset, limit: pageSize })
    for (const { here: mine, there: theirs } of rows) {
      if (!theirs) continue
      n += 1
      if (sameAnswer(mine, theirs)) equal += 1
      if (mine.value !== null && theirs.value !== null) differences.push(mine.value - theirs.value)
    }
    if (offset + pageSize >= total) break
  }
  const difference = differences.length > 0 ? { ...pairedBootstrap(differences), n: differences.length } : null
  return { equal, n, difference }
}

/** Relative difference of log-likelihoods that rounding in another order may make. */
const roundingShare = 1e-4

/** The same text, or, where there is none, the same likelihood but for rounding. */
function sameAnswer(mine: Outcome, theirs: Outcome): boolean {
  if (mine.prediction !== null || theirs.prediction !== null) return mine.prediction === theirs.prediction
  if (mine.logLikelihood === null || theirs.logLikelihood === null) return mine.problem === theirs.problem
  return Math.abs(mine.logLikelihood - theirs.logLikelihood) <= roundingShare * Math.max(1, Math.abs(theirs.logLikelihood))
}

function notEqual(expected: string, { equal, n }: Omit<Check, 'expected'>): Problem {
  return errorProblem('check-failed', `${n - equal} of ${n} answers differ from those of ${expected}, but must be equal.`, {
    where: { value: `${equal} of ${n}` },
    hint: 'This is a defect of the app or of its device: results of merges cannot be trusted until it is explained.',
  })
}
