import * as v from 'valibot'
import { recipeSchema, type Recipe } from '../contract/recipe.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { fieldIssues, fieldName, type FieldIssue, type FieldPath } from './field-issues.ts'
import { readYaml } from './read-yaml.ts'

/**
 * What was read of a recipe. `recipe` is null when a problem blocks; `draft` is then the recipe with the unusable parts left out, so that
 * the rest can be checked too. A method or an adapter reference that was unusable is '' in the draft, and has its problem already.
 */
export interface ParsedRecipe {
  readonly recipe: Recipe | null
  readonly draft: Recipe | null
  readonly problems: readonly Problem[]
}

/** Reads a recipe from text (YAML or JSON) or from an unknown value, with every problem of its form. Parameters and adapters are checked later. */
export function parseRecipe(input: unknown): ParsedRecipe {
  if (typeof input !== 'string') return checkForm(input)
  const read = readYaml(input)
  return read.refusal === null ? checkForm(read.value) : { recipe: null, draft: null, problems: [notReadable(read.refusal)] }
}

function notReadable(reason: string): Problem {
  return errorProblem('recipe-not-readable', `The recipe cannot be read: ${reason}.`, {
    hint: 'A recipe is YAML or JSON with the fields method, adapters, params, output and seed.',
  })
}

function checkForm(value: unknown): ParsedRecipe {
  if (Array.isArray(value)) return { recipe: null, draft: null, problems: [notReadable('it is a list, not a group of fields')] }
  const result = v.safeParse(recipeSchema, value)
  const issues = distinct([...(result.issues ?? []).flatMap((issue) => fieldIssues(issue)), ...emptyNames(value)])
  const problems = issues.map((issue) => issue.problem)
  if (result.success) return { recipe: problems.length === 0 ? result.output : null, draft: result.output, problems }
  const repaired = v.safeParse(recipeSchema, repair(value, issues))
  return { recipe: null, draft: repaired.success ? repaired.output : null, problems }
}

/** A list where fields are expected has one issue for each field that it lacks. */
function distinct(issues: readonly FieldIssue[]): readonly FieldIssue[] {
  return [...new Map(issues.map((issue) => [`${issue.problem.code} ${fieldName(issue.path)}`, issue])).values()]
}

/** Empty text passes the schema, but names nothing. */
function emptyNames(value: unknown): readonly FieldIssue[] {
  const { method, adapters } = (value ?? {}) as { readonly method?: unknown; readonly adapters?: unknown }
  const sources: readonly unknown[] = Array.isArray(adapters) ? adapters : []
  const empty: readonly FieldPath[] = [
    ...(method === '' ? [['method']] : []),
    ...sources.flatMap((source, index) =>
      (source as { adapter?: unknown } | null)?.adapter === '' ? [['adapters', index, 'adapter']] : [],
    ),
  ]
  return empty.map((path) => {
    const field = fieldName(path)
    const problem = errorProblem('field-missing', `The field "${field}" is empty.`, {
      where: { field, value: '""' },
      hint: field === 'method' ? 'Name a merge method.' : 'Name an adapter by path, id or unique name.',
    })
    return { path, problem }
  })
}

/** A copy of `value` without what `issues` complain about. */
function repair(value: unknown, issues: readonly FieldIssue[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const copy: unknown = structuredClone(value)
  for (const { path } of issues) {
    // A coefficient is used whole or not at all.
    const place = path[2] === 'coefficient' ? path.slice(0, 3) : path
    replace(copy, place)
  }
  return copy
}

function replace(root: unknown, path: FieldPath): void {
  const holder = path.slice(0, -1).reduce<unknown>((node, part) => (node as Record<string | number, unknown> | undefined)?.[part], root)
  const last = path.at(-1)
  if (typeof holder !== 'object' || holder === null || last === undefined) return
  const fields = holder as Record<string | number, unknown>
  if (path.length === 1 && last === 'method') fields[last] = ''
  else if (path.length === 1 && last === 'adapters') fields[last] = []
  else if (path.length === 2 && typeof last === 'number') fields[last] = { adapter: '' }
  else if (path.length === 3 && last === 'adapter') fields[last] = ''
  else Reflect.deleteProperty(fields, last)
}
