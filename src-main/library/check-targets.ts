import { warningProblem, type Problem } from '../contract/problems.ts'
import { fullMatcher, type StepBudget } from './pattern-match.ts'

/**
 * Compares target_modules of the config with the modules that the file really holds; the file is believed (merge-methods.md 1.2).
 * Null when they agree or nothing can be said ("all-linear", no list).
 */
export function checkTargets(targets: readonly string[] | string | null, modules: readonly string[], budget: StepBudget): Problem | null {
  if (targets === null || targets === 'all-linear' || modules.length === 0) return null
  if (typeof targets === 'string') return checkPattern(targets, modules, budget)
  const used = new Set<string>()
  const known = new Set(targets)
  const uncovered = modules.filter((module) => {
    const target = targetOf(module, known)
    if (target !== null) used.add(target)
    return target === null
  })
  const absent = targets.filter((target) => !used.has(target))
  if (uncovered.length === 0 && absent.length === 0) return null
  const parts = [
    ...(absent.length > 0 ? [`target_modules names ${list(absent)}, which the file does not hold`] : []),
    ...(uncovered.length > 0 ? [`the file holds ${list(kindsOf(uncovered))}, which target_modules does not name`] : []),
  ]
  const text = parts.join('; ')
  return disagree(`${absent.length > 0 ? text : text.replace('the', 'The')}.`)
}

/** The last parts of names, each once. */
function kindsOf(modules: readonly string[]): readonly string[] {
  return [...new Set(modules.map((module) => module.slice(module.lastIndexOf('.') + 1)))]
}

/** The target that names `module`: a suffix of it after a dot (the last part in nearly every config), or the whole name. */
function targetOf(module: string, targets: ReadonlySet<string>): string | null {
  for (let dot = module.lastIndexOf('.'); dot >= 0; dot = dot === 0 ? -1 : module.lastIndexOf('.', dot - 1)) {
    const suffix = module.slice(dot + 1)
    if (targets.has(suffix)) return suffix
  }
  return targets.has(module) ? module : null
}

function checkPattern(pattern: string, modules: readonly string[], budget: StepBudget): Problem | null {
  const matches = fullMatcher(pattern, budget)
  if (typeof matches !== 'function') return disagree(`The pattern in target_modules is not compared with the file: ${matches.refused}.`)
  const uncovered = modules.filter((module) => matches(module) === false)
  if (budget.steps < 0) return disagree('The pattern in target_modules is not compared with the file: matching it takes too long.')
  return uncovered.length === 0
    ? null
    : disagree(`The file holds ${list(kindsOf(uncovered))}, which the pattern in target_modules does not match.`)
}

function disagree(message: string): Problem {
  return warningProblem('targets-disagree', message, {
    where: { field: 'target_modules' },
    hint: 'The modules in the file are used as they are. If some were expected, the file may be incomplete.',
  })
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name.slice(0, 100)}"`)
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ')
}
