import { identityTexts, type MethodEntry } from '../../src-main/contract/methods.ts'
import { allowedOf, type ParamSpec } from '../../src-main/contract/params.ts'

/** Where the page of merge methods stands, from the repository's root. */
export const methodsDocPath = 'docs/methods.generated.md'

/** The page of merge methods, written from the registry alone. */
export function methodsDoc(methods: readonly MethodEntry[]): ReadonlyMap<string, string> {
  const text = [
    '<!-- Generated from src-main/contract/methods.ts by `npm run generate`. Do not edit. -->',
    '# Merge methods',
    'Notation: adapter i has factors Bᵢ (out x rᵢ) and Aᵢ (rᵢ x in), scaling sᵢ and coefficient cᵢ; its update is sᵢ Bᵢ Aᵢ. T is the number of adapters.',
    overview(methods),
    ...methods.flatMap(section),
  ].join('\n\n')
  return new Map([[methodsDocPath, `${text}\n`]])
}

const rankWords: Readonly<Record<MethodEntry['outputRank'], string>> = {
  sum: 'the sum of the ranks',
  chosen: '`output.rank`; by default the largest rank of the adapters',
  common: 'the common rank of the adapters',
  largest: 'the largest rank of the adapters',
  k: 'parameter `k`',
}
const actsOnWords: Readonly<Record<MethodEntry['actsOn'], string>> = {
  update: 'the updates',
  core: 'the updates, in their joint core',
  factors: 'the factors: the result depends on how an adapter is split into B and A',
}

function overview(methods: readonly MethodEntry[]): string {
  const rows = methods.map((method) => [
    `[${method.label}](#${method.id})`,
    `\`${method.id}\``,
    method.actsOn,
    rankWords[method.outputRank],
    method.coefficients ? 'yes' : 'no',
  ])
  return table(['method', 'id', 'acts on', 'rank of the result', 'coefficients'], rows)
}

function section(method: MethodEntry): readonly string[] {
  return [
    `<a id="${method.id}"></a>\n## ${method.label}`,
    method.summary,
    `\`${method.formula}\``,
    facts(method),
    parameters(method.params),
    `**Identities**\n\n${identities(method)}`,
  ]
}

function facts(method: MethodEntry): string {
  const { min, max } = method.inputs
  const needs = [
    ...(method.needs.base ? ['the base model'] : []),
    ...(method.needs.data ? ['examples of a task'] : []),
    ...(method.needs.equalRanks ? ['equal ranks in each module'] : []),
    ...(method.needs.sharedModules ? ['the same target modules everywhere'] : []),
  ]
  return list([
    `Id: \`${method.id}\`; family: ${method.family}; native kind: \`${method.kind}\``,
    `Acts on ${actsOnWords[method.actsOn]}`,
    `Adapters: ${max === undefined ? `at least ${min}` : `${min} to ${max}`}`,
    `Needs: ${needs.length === 0 ? 'nothing but the adapters; any ranks and target modules' : needs.join(', ')}`,
    `Rank of the result: ${rankWords[method.outputRank]}`,
    `Coefficients: ${method.coefficients ? 'any finite number for each adapter, also by module and layer' : 'not accepted'}`,
    `Seed: ${method.usesSeed ? 'used' : 'not used'}; tuning: ${method.tuning}`,
    `Reference: ${method.reference}`,
  ])
}

function parameters(specs: readonly ParamSpec[]): string {
  if (specs.length === 0) return '**Parameters**: none.'
  const rows = specs.map((spec) => [`\`${spec.id}\``, spec.label, spec.per, allowedOf(spec).join(', '), String(spec.default), spec.help])
  return `**Parameters**\n\n${table(['id', 'name', 'one for each', 'allowed', 'default', 'meaning'], rows)}`
}

function identities(method: MethodEntry): string {
  return list(
    method.identities.map(
      ({ id, holds, note }) => `${holds ? 'holds' : 'does not hold'}: ${identityTexts[id]}${note === undefined ? '' : ` (${note})`}`,
    ),
  )
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
