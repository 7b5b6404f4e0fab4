import type { MethodEntry } from '../contract/methods.ts'
import type { ParamValues } from '../contract/params.ts'
import { errorProblem, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import { vllmRanks, type Recipe } from '../contract/recipe.ts'
import type { SharedModule } from './union-modules.ts'

/** Largest rank that may be asked for. */
export const maxRank = 4096

/** How many ranks each module keeps, and the one rank with which all are written (padded with zeros, which is exact). */
export interface RankPlan {
  /** In the order of the modules. */
  readonly kept: readonly number[]
  readonly written: number
  /** What concatenating would write. */
  readonly sum: number
  /** True when some module keeps less than its sum can hold, so that something may be lost. */
  readonly cut: boolean
  readonly problems: readonly Problem[]
}

/** Plans the ranks of a merge; on an error the plan is the method's own choice and the problem blocks. */
export function planRanks(method: MethodEntry, params: ParamValues, output: Recipe['output'], modules: readonly SharedModule[]): RankPlan {
  const asked = checkAsked(method, output.rank, modules)
  const kept = modules.map((module) => keptRank(method, params, asked.rank, modules, module))
  const largestKept = Math.max(0, ...kept)
  const padded = padRank(largestKept, output.padTo)
  const clipped = asked.problems.length === 0 && typeof asked.rank === 'number' && modules.length > 0 && asked.rank > largestKept
  return {
    kept,
    written: padded.rank,
    sum: Math.max(0, ...modules.map(sumOfRanks)),
    cut: modules.some((module, index) => kept[index]! < fullRank(method, module)),
    problems: [
      ...asked.problems,
      ...(method.outputRank === 'k' ? clusterWarnings(Number(params['k']), modules) : []),
      ...(clipped ? [clippedWarning(asked.rank as number, largestKept)] : []),
      ...padded.problems,
    ],
  }
}

type AskedRank = number | 'sum' | 'auto'

function checkAsked(
  method: MethodEntry,
  rank: AskedRank,
  modules: readonly SharedModule[],
): { readonly rank: AskedRank; readonly problems: readonly Problem[] } {
  const problems = checkRankRange(rank)
  if (problems.length > 0) return { rank: 'auto', problems }
  if (rank === 'sum' && method.kind === 'on_tiles') return { rank: 'auto', problems: [hasFullRank(method)] }
  if (rank === 'auto' || method.outputRank === 'chosen' || (rank === 'sum' && method.outputRank === 'sum')) return { rank, problems: [] }
  return { rank: 'auto', problems: [fixedByMethod(method, rank, modules)] }
}

function keptRank(
  method: MethodEntry,
  params: ParamValues,
  asked: AskedRank,
  modules: readonly SharedModule[],
  module: SharedModule,
): number {
  switch (method.outputRank) {
    case 'sum':
      return sumOfRanks(module)
    case 'common':
    case 'largest':
      return largestRank(module)
    case 'k':
      return Math.min(Number(params['k']), sumOfRanks(module))
    case 'chosen':
      if (asked === 'sum') return fullRank(method, module)
      return Math.min(asked === 'auto' ? largestSourceRank(modules) : asked, fullRank(method, module))
  }
}

function sumOfRanks(module: SharedModule): number {
  return module.contributions.reduce((sum, contribution) => sum + contribution.module.rank, 0)
}

function largestRank(module: SharedModule): number {
  return Math.max(...module.contributions.map((contribution) => contribution.module.rank))
}

/** The most that a result can have: a sum of updates has at most their ranks together, one made entry by entry can have any. */
function fullRank(method: MethodEntry, module: SharedModule): number {
  const sides = Math.min(module.in, module.out)
  return method.kind === 'on_tiles' ? sides : Math.min(sumOfRanks(module), sides)
}

function largestSourceRank(modules: readonly SharedModule[]): number {
  return Math.max(...modules.map(largestRank))
}

function padRank(rank: number, padTo: Recipe['output']['padTo']): { readonly rank: number; readonly problems: readonly Problem[] } {
  if (padTo === 'none') return { rank, problems: [] }
  const padded = vllmRanks.find((allowed) => allowed >= rank)
  if (padded !== undefined) return { rank: padded, problems: [] }
  const largest = vllmRanks.at(-1)
  const problem = errorProblem('rank-invalid', `The rank is ${rank}, but vLLM accepts at most ${largest}.`, {
    where: { field: 'output.padTo', value: '"vllm"' },
    allowed: vllmRanks.map(String),
    hint: `Use linear with output.rank of at most ${largest}, or padTo: none.`,
  })
  return { rank, problems: [problem] }
}

/** What is wrong with an asked rank whatever the method. */
export function checkRankRange(rank: AskedRank): readonly Problem[] {
  if (typeof rank !== 'number' || (Number.isSafeInteger(rank) && rank >= 1 && rank <= maxRank)) return []
  const problem = errorProblem('rank-invalid', `output.rank is ${shownValue(rank)}, but a rank is a whole number from 1 to ${maxRank}.`, {
    where: { field: 'output.rank', value: shownValue(rank) },
    allowed: [`a whole number from 1 to ${maxRank}`, 'sum', 'auto'],
    hint: 'Use a whole number, or auto for the largest rank of the sources, or sum to keep everything.',
  })
  return [problem]
}

function fixedByMethod(method: MethodEntry, rank: AskedRank, modules: readonly SharedModule[]): Problem {
  const ranks = Math.max(0, ...modules.map(method.outputRank === 'sum' ? sumOfRanks : largestRank))
  const rule = {
    sum: 'always the sum of the ranks of its adapters',
    common: 'always the common rank of its adapters',
    largest: 'always the largest rank of its adapters',
    k: 'its parameter k',
    chosen: 'chosen',
  }[method.outputRank]
  const here = modules.length === 0 || method.outputRank === 'k' ? '' : `, here ${ranks}`
  return errorProblem('rank-invalid', `output.rank is ${shownValue(rank)}, but the rank of ${method.label} is ${rule}${here}.`, {
    where: { field: 'output.rank', value: shownValue(rank) },
    allowed: method.outputRank === 'sum' ? ['auto', 'sum'] : ['auto'],
    hint: 'Remove output.rank, or use linear, which cuts the sum to the rank you choose.',
  })
}

/** One warning when modules have fewer units than clusters are asked for; the module with the fewest stands for the others. */
function clusterWarnings(k: number, modules: readonly SharedModule[]): readonly Problem[] {
  const small = modules.filter((module) => sumOfRanks(module) < k)
  if (small.length === 0) return []
  const smallest = small.reduce((least, module) => (sumOfRanks(module) < sumOfRanks(least) ? module : least))
  const units = sumOfRanks(smallest)
  const more = small.length === 1 ? '' : `, and ${small.length - 1} more modules have fewer than ${k} too`
  return [
    warningProblem(
      'parameter-invalid',
      `k is ${k}, but ${smallest.name} has ${units} unit${units === 1 ? '' : 's'} in all adapters together${more}.`,
      {
        where: { field: 'params.k', value: String(k) },
        allowed: [`a whole number from 1 to ${units}`],
        hint: 'There each unit is a cluster of its own; a smaller k clusters them everywhere.',
      },
    ),
  ]
}

/** "sum" keeps everything of a sum; here it would keep part of a result whose rank has nothing to do with the sources'. */
function hasFullRank(method: MethodEntry): Problem {
  return errorProblem('rank-invalid', `output.rank is "sum", but ${method.label} works entry by entry: its result has full rank.`, {
    where: { field: 'output.rank', value: '"sum"' },
    allowed: [`a whole number from 1 to ${maxRank}`, 'auto'],
    hint: 'Give the rank to keep; what is cut is reported for each module. Use auto for the largest rank of the sources.',
  })
}

function clippedWarning(asked: number, kept: number): Problem {
  return warningProblem(
    'rank-invalid',
    `output.rank is ${asked}, but the adapters hold at most ${kept} ranks together; ${kept} are written.`,
    {
      where: { field: 'output.rank', value: String(asked) },
      hint: `Nothing is lost: rank ${kept} is exact.`,
    },
  )
}
