import type * as v from 'valibot'
import { recipeSchema } from '../contract/recipe.ts'
import { errorProblem, shownValue, type Problem, type ProblemCode } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'

/** Names and indexes from the recipe's top to a field. */
export type FieldPath = readonly (string | number)[]

/** One remark of the schema, with the place it speaks about. */
export interface FieldIssue {
  readonly path: FieldPath
  readonly problem: Problem
}

/** Schema nodes as far as the walk to a field's allowed names needs them. */
interface SchemaNode {
  readonly wrapped?: SchemaNode
  readonly options?: readonly unknown[]
  readonly item?: SchemaNode
  readonly entries?: Readonly<Record<string, SchemaNode>>
}

/** "adapters[1].coefficient" */
export function fieldName(path: FieldPath): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

/** The problems of one valibot issue; a union that was given an object is looked into, because its inner issues name the place. */
export function fieldIssues(issue: v.BaseIssue<unknown>, above: FieldPath = []): readonly FieldIssue[] {
  const path = [...above, ...(issue.path ?? []).map((step) => step.key as string | number)]
  const inner = issue.issues?.filter((candidate) => (candidate.path?.length ?? 0) > 0) ?? []
  if (issue.type === 'union' && inner.length > 0 && !Array.isArray(issue.input))
    return inner.flatMap((candidate) => fieldIssues(candidate, path))
  if (issue.path?.at(-1)?.origin !== 'key') return [{ path, problem: wrongValue(issue, issue.input, path) }]
  const holder = issue.path.at(-1)?.input
  // To valibot a list is an object whose fields are all missing.
  if (Array.isArray(holder)) return [{ path: path.slice(0, -1), problem: wrongValue(issue, holder, path.slice(0, -1)) }]
  if (issue.expected !== 'never') return [{ path, problem: missingField(path) }]
  return unknownKeys(holder, path)
}

/** valibot names only the first unknown key of an object; every one is told. */
function unknownKeys(holder: unknown, path: FieldPath): readonly FieldIssue[] {
  const parent = path.slice(0, -1)
  const allowed = Object.keys(nodeAt(parent)?.entries ?? {})
  const keys =
    typeof holder === 'object' && holder !== null ? Object.keys(holder).filter((key) => !allowed.includes(key)) : [String(path.at(-1))]
  return keys.map((key) => ({
    path: [...parent, key],
    problem: errorProblem(
      'unknown-field',
      `There is no field "${key}" ${parent.length === 0 ? 'in a recipe' : `in ${fieldName(parent)}`}.`,
      {
        where: { field: fieldName([...parent, key]) },
        allowed,
        hint: didYouMean(key, allowed),
      },
    ),
  }))
}

function missingField(path: FieldPath): Problem {
  const field = fieldName(path)
  return errorProblem('field-missing', `The field "${field}" is missing.`, { where: { field }, hint: howToWrite(path) })
}

function wrongValue(issue: v.BaseIssue<unknown>, found: unknown, path: FieldPath): Problem {
  const field = fieldName(path)
  const value = shownValue(found)
  if (path.length === 0) {
    return errorProblem('recipe-not-readable', `A recipe is a list of fields, but this is ${value}.`, {
      where: { value },
      hint: 'Begin with "method:" and "adapters:".',
    })
  }
  const { code, expected, allowed, hint } = expectationOf(issue, path)
  return errorProblem(code, `${field} is ${value}, but ${expected}.`, {
    where: { field, value },
    ...(allowed && { allowed }),
    hint,
  })
}

interface Expectation {
  readonly code: ProblemCode
  readonly expected: string
  readonly hint: string
  readonly allowed?: readonly string[]
}

function expectationOf(issue: v.BaseIssue<unknown>, path: FieldPath): Expectation {
  if (path[0] === 'adapters' && path[2] === 'coefficient') return coefficientExpectation(path)
  if (fieldName(path) === 'output.rank') {
    const allowed = ['a whole number from 1 to 4096', 'sum', 'auto']
    return { code: 'rank-invalid', expected: 'it must be a whole number, sum or auto', allowed, hint: `Use ${allowed.join(', or ')}.` }
  }
  const choices = nodeAt(path)?.options?.filter((option) => typeof option === 'string') ?? []
  if (choices.length > 0) {
    const hint = didYouMean(String(issue.input), choices)
    return { code: 'parameter-invalid', expected: 'that is not one of its choices', allowed: choices, hint }
  }
  return { code: 'parameter-invalid', expected: `it must be ${plainType(issue)}`, hint: howToWrite(path) }
}

const coefficientExample = 'Use a number such as 0.7, or { default: 0.7, rules: [{ modules: q_proj, layers: [0, 15], value: 0.9 }] }.'

function coefficientExpectation(path: FieldPath): Expectation {
  const code = 'coefficient-invalid'
  const last = path.at(-1)
  const hint = coefficientExample
  if (path.length === 3)
    return {
      code,
      expected: 'a coefficient is a finite number or { default, rules }',
      allowed: ['any finite number', '{ default, rules }'],
      hint,
    }
  if (path.includes('layers'))
    return { code, expected: 'layers are the first and the last layer, as [0, 15]', allowed: ['[first, last]'], hint }
  if (last === 'modules')
    return { code, expected: 'modules are names joined by "|", as q_proj|v_proj', allowed: ['names joined by |'], hint }
  if (last === 'default' || last === 'value') return { code, expected: 'it must be a finite number', allowed: ['any finite number'], hint }
  return { code, expected: 'rules are a list of { modules, layers, value }', allowed: ['{ modules, layers, value }'], hint }
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  min_value: 'at least 0',
  array: 'a list',
  strict_object: 'a group of fields',
  record: 'a group of fields',
}

function plainType(issue: v.BaseIssue<unknown>): string {
  return typeWords[issue.type] ?? `of the type ${issue.expected ?? issue.type}`
}

/** An example for each part of a recipe. */
function howToWrite(path: FieldPath): string {
  if (path.includes('coefficient')) return coefficientExample
  if (path.includes('params')) return 'Write parameters as "name: value", or leave params out.'
  const examples: Readonly<Record<string, string>> = {
    method: 'Write "method: linear", or another method\'s id.',
    adapters: 'List the adapters, each as "- adapter: NAME", where NAME is a path, an id or a unique name.',
    output: 'Write output as { rank: 16, dtype: float32, padTo: none, name: my-merge }; every part may be left out.',
    seed: 'Use a whole number, such as 1.',
  }
  return examples[String(path[0])] ?? 'Leave the field out to use its default.'
}

/** The schema of the field at `path`, without optional and union wrappings; undefined where the recipe has no such field. */
function nodeAt(path: FieldPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = bare(recipeSchema as SchemaNode)
  for (const part of path) node = bare(typeof part === 'number' ? node?.item : node?.entries?.[part])
  return node
}

function bare(node: SchemaNode | undefined): SchemaNode | undefined {
  if (node?.wrapped) return bare(node.wrapped)
  const group = node?.options?.find((option): option is SchemaNode => typeof option === 'object' && option !== null && 'entries' in option)
  return group ? bare(group) : node
}
