import type { Problem } from '../../src-main/contract/problems.ts'

/** Problems of exactly this field, worst first. */
export function problemsAt(problems: readonly Problem[], field: string): readonly Problem[] {
  return problems.filter((problem) => problem.where?.field === field).sort(bySeverity)
}

/** Problems of this field or of anything inside it: "adapters[1]" also finds "adapters[1].coefficient". */
export function problemsWithin(problems: readonly Problem[], field: string): readonly Problem[] {
  return problems.filter((problem) => liesWithin(problem.where?.field ?? '', field)).sort(bySeverity)
}

/** Errors before warnings, otherwise as they came. */
export function worstFirst(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort(bySeverity)
}

/** The field and everything that holds it, innermost first: a jump lands on the nearest one that is on screen. */
export function fieldChain(field: string): readonly string[] {
  const chain = [field]
  let rest = field
  for (;;) {
    const cut = Math.max(rest.lastIndexOf('.'), rest.lastIndexOf('['))
    if (cut <= 0) return chain
    rest = rest.slice(0, cut)
    chain.push(rest)
  }
}

/** Index of the adapter line that a field belongs to, or null. */
export function lineOfField(field: string): number | null {
  const match = /^adapters\[(\d+)\]/.exec(field)
  return match?.[1] === undefined ? null : Number(match[1])
}

function liesWithin(field: string, outer: string): boolean {
  return field === outer || field.startsWith(`${outer}.`) || field.startsWith(`${outer}[`)
}

function bySeverity(left: Problem, right: Problem): number {
  return Number(left.severity === 'warning') - Number(right.severity === 'warning')
}

/**
 * Problems found for the lines `before`, with their fields moved to where the same lines stand `now`; those of lines that are gone are
 * dropped. Keeps a problem under its line while a reordered draft waits for its new preview.
 */
export function realign(problems: readonly Problem[], before: readonly string[], now: readonly string[]): readonly Problem[] {
  return problems.flatMap((problem) => {
    const field = problem.where?.field
    const line = field === undefined ? null : lineOfField(field)
    if (field === undefined || line === null) return [problem]
    const place = now.indexOf(before[line] ?? '')
    if (place === -1) return []
    return [{ ...problem, where: { ...problem.where, field: field.replace(/^adapters\[\d+\]/, `adapters[${place}]`) } }]
  })
}
