import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import { keyMatcher, type NameMatcher, type StepBudget } from './pattern-match.ts'
import type { PatternEntry, PeftConfig } from './peft-config.ts'

/** Rank and alpha that the config gives to one module, and the scaling that follows (merge-methods.md 1.4). */
export interface ModuleScale {
  readonly rank: number
  readonly alpha: number
}

/**
 * Rank and alpha of every module by the config: the first entry of each pattern map that matches, in file order, else the global value.
 * The maps are independent. Entries that cannot be told apart, match nothing or cannot be read safely are said.
 */
export function scalesOf(
  config: PeftConfig,
  modules: readonly string[],
  budget: StepBudget,
): { readonly scales: readonly ModuleScale[]; readonly problems: readonly Problem[] } {
  if (config.rankPattern.length === 0 && config.alphaPattern.length === 0) {
    const scale: ModuleScale = { rank: config.rank, alpha: config.alpha }
    return { scales: modules.map(() => scale), problems: [] }
  }
  const ranks = valuesOf('rank_pattern', config.rankPattern, config.rank, modules, budget)
  const alphas = valuesOf('alpha_pattern', config.alphaPattern, config.alpha, modules, budget)
  return {
    scales: modules.map((_, index) => ({ rank: ranks.values[index]!, alpha: alphas.values[index]! })),
    problems: [...ranks.problems, ...alphas.problems],
  }
}

/** alpha / rank, or alpha / sqrt(rank) for a rank-stabilised adapter. */
export function scalingOf(alpha: number, rank: number, useRslora: boolean): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank)
}

interface Entry {
  readonly key: string
  readonly value: number
  readonly matches: NameMatcher
  used: boolean
}

function valuesOf(
  field: string,
  pattern: readonly PatternEntry[],
  fallback: number,
  modules: readonly string[],
  budget: StepBudget,
): { readonly values: readonly number[]; readonly problems: readonly Problem[] } {
  if (pattern.length === 0) return { values: modules.map(() => fallback), problems: [] }
  const entries: Entry[] = []
  for (const [key, value] of pattern) {
    const matches = keyMatcher(key, budget)
    if (typeof matches !== 'function') return { values: modules.map(() => fallback), problems: [unsafe(field, key, matches.refused)] }
    entries.push({ key, value, matches, used: false })
  }
  const ambiguous: string[] = []
  let firstTwo: readonly [Entry, Entry] | undefined
  const values = modules.map((module) => {
    const matching = entries.filter((entry) => entry.matches(module) === true)
    for (const entry of matching) entry.used = true
    const [first] = matching
    const other = matching.find((entry) => entry.value !== first?.value)
    if (first && other) {
      ambiguous.push(module)
      firstTwo ??= [first, other]
    }
    return first?.value ?? fallback
  })
  if (budget.steps < 0) return { values, problems: [unsafe(field, entries[0]!.key, 'matching its keys takes too long')] }
  const problems: Problem[] = []
  if (firstTwo) problems.push(ambiguity(field, ambiguous, firstTwo))
  const unused = entries.filter((entry) => !entry.used).map((entry) => entry.key)
  if (unused.length > 0) problems.push(unmatched(field, unused))
  return { values, problems }
}

function ambiguity(field: string, modules: readonly string[], [first, other]: readonly [Entry, Entry]): Problem {
  const where = modules.length === 1 ? modules[0] : `${modules[0]} and ${modules.length - 1} more`
  const message = `Two entries of ${field} match ${where}: "${first.key}" (${first.value}) and "${other.key}" (${other.value}). The first is used.`
  return warningProblem('pattern-ambiguous', message, {
    where: { field, value: first.key },
    hint: 'PEFT sorts the entries when it saves, so the file cannot tell which one was trained with. Compare with the training settings.',
  })
}

function unmatched(field: string, keys: readonly string[]): Problem {
  const shown = keys.slice(0, 3).map((key) => `"${key.slice(0, 80)}"`)
  const names = keys.length > shown.length ? `${shown.join(', ')} and ${keys.length - shown.length} more` : shown.join(', ')
  return warningProblem('pattern-unmatched', `${field} names ${names}, which no module of the file matches.`, {
    where: { field, value: keys[0]!.slice(0, 200) },
    hint: 'The entry has no effect. If it was meant for a module, its factors may be missing or its name misspelt.',
  })
}

function unsafe(field: string, key: string, reason: string): Problem {
  return errorProblem('config-invalid', `The entry "${key.slice(0, 120)}" of ${field} is not read: ${reason}.`, {
    where: { field, value: key.slice(0, 200) },
    hint: 'Patterns are read without look-around and back references, and within a time limit. Spell the module names out instead.',
  })
}
