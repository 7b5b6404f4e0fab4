/** An answer as found, how often, and what it becomes. */
export interface Label {
  readonly found: string
  readonly count: number
  readonly becomes: string
}

/** Most labels that a table of them shows; a task with more unlike answers has free ones. */
export const maxShownLabels = 200

/** What an answer becomes: its other name where it has one, else itself without spaces around. */
export function renamed(answer: string, names: Readonly<Record<string, string>>): string {
  const plain = answer.trim()
  if (Object.hasOwn(names, answer)) return names[answer] ?? plain
  return Object.hasOwn(names, plain) ? (names[plain] ?? plain) : plain
}

/** Every unlike answer, the most frequent first; empty when there are more than maxShownLabels. */
export function labelTable(answers: readonly string[], names: Readonly<Record<string, string>>): readonly Label[] {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  if (counts.size > maxShownLabels) return []
  return [...counts]
    .map(([found, count]) => ({ found, count, becomes: renamed(found, names) }))
    .sort((left, right) => right.count - left.count || (left.found < right.found ? -1 : 1))
}

/** Groups of results that differ only in case, spaces or a final full stop, the most frequent of each group first. */
export function alikeLabels(table: readonly Label[]): readonly (readonly string[])[] {
  const counts = new Map<string, number>()
  for (const { becomes, count } of table) counts.set(becomes, (counts.get(becomes) ?? 0) + count)
  const groups = new Map<string, string[]>()
  for (const label of counts.keys()) {
    const key = label.toLowerCase().replaceAll(/\s+/g, '').replace(/\.$/, '')
    groups.set(key, [...(groups.get(key) ?? []), label])
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => group.sort((left, right) => (counts.get(right) ?? 0) - (counts.get(left) ?? 0) || (left < right ? -1 : 1)))
}

/** Names that make one label of each such group: its most frequent spelling. */
export function suggestedNames(table: readonly Label[]): Readonly<Record<string, string>> {
  return Object.fromEntries(alikeLabels(table).flatMap(([first = '', ...others]) => others.map((label) => [label, first])))
}

/** True where answers are labels: few, and each of them used again and again. */
export function areLabels(table: readonly Label[], answers: number): boolean {
  const unlike = new Set(table.map(({ becomes }) => becomes)).size
  return unlike >= 2 && unlike <= 50 && answers >= 3 * unlike
}
