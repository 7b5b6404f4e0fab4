import { findMethod, identityTexts, methodIds, methods, type MethodEntry } from '../contract/methods.ts'
import { allowedOf, type ParamSpec } from '../contract/params.ts'
import { errorProblem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { outcome, type Command } from './command.ts'
import { formatTable } from './format.ts'

/** `methods [ID]`: the registry of merge methods. */
export const methodsCommand: Command = {
  name: 'methods',
  summary: 'List the merge methods, or explain one.',
  takes: '[ID]',
  least: 0,
  most: 1,
  options: [],
  async run({ positionals: [id] }) {
    if (id === undefined) return outcome(methods, formatTable(methods.map((method) => [method.id, method.label, method.summary])))
    const method = findMethod(id)
    if (method) return outcome(method, describeMethod(method))
    const problem = errorProblem('unknown-method', `There is no merge method "${id}".`, {
      where: { value: id },
      allowed: methodIds,
      hint: didYouMean(id, methodIds),
    })
    return outcome({ problems: [problem] }, [], [problem])
  },
}

function describeMethod(method: MethodEntry): readonly string[] {
  const { min, max } = method.inputs
  const needs = Object.entries(method.needs).flatMap(([need, needed]) =>
    needed === true ? [needWords[need as keyof typeof needWords]] : [],
  )
  return [
    `${method.id}: ${method.label}`,
    '',
    method.summary,
    method.formula,
    '',
    ...formatTable([
      ['Acts on', method.actsOn],
      ['Adapters', max === undefined ? `at least ${min}` : `${min} to ${max}`],
      ['Needs', needs.length > 0 ? needs.join(', ') : 'nothing more'],
      ['Coefficients', method.coefficients ? 'one for each adapter, any sign; or rules by module and layer' : 'not accepted'],
      ['Rank', rankRule(method)],
      ['Seed', method.usesSeed ? 'used' : 'not used'],
      ['Reference', method.reference],
    ]),
    '',
    method.params.length > 0 ? 'Parameters' : 'No parameters.',
    ...formatTable(method.params.map(describeParam)),
    '',
    'Identities',
    ...method.identities.map(
      ({ id, holds, note }) => `  ${holds ? 'holds' : 'fails'}: ${identityTexts[id]}${note === undefined ? '' : ` (${note})`}`,
    ),
  ]
}

const needWords = {
  base: 'the base model',
  data: 'examples',
  equalRanks: 'equal ranks',
  sharedModules: 'the same target modules',
} as const satisfies Record<keyof MethodEntry['needs'], string>

const rankWords = {
  sum: 'the sum of the ranks',
  chosen: 'output.rank: an integer, "sum" or "auto" (the largest source rank)',
  common: 'the one rank that all adapters have',
  largest: 'the largest rank of the adapters that have the module',
  k: 'the parameter k',
} as const satisfies Record<MethodEntry['outputRank'], string>

/** A result made entry by entry has full rank: there is no sum to ask for. */
function rankRule(method: MethodEntry): string {
  const words = rankWords[method.outputRank]
  return method.kind === 'on_tiles' ? words.replace('an integer, "sum" or', 'an integer or') : words
}

function describeParam(spec: ParamSpec): readonly string[] {
  const level = spec.per === 'adapter' ? ', for each adapter' : ''
  return [`  ${spec.id}`, `${allowedOf(spec).join(', ')}${level}; default ${String(spec.default)}`, spec.help]
}
