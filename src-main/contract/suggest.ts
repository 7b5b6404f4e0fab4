/**
 * The word of `allowed` that `word` was probably meant to be, or undefined when none is near.
 * Near: a Damerau-Levenshtein distance (optimal string alignment) of at most a third of the longer word, and at least one letter right.
 */
export function suggest(word: string, allowed: readonly string[]): string | undefined {
  const wanted = normalise(word)
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of allowed) {
    const distance = editDistance(wanted, normalise(name))
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3))
    if (distance <= limit && distance < name.length && (!best || distance < best.distance)) best = { name, distance }
  }
  return best?.name
}

/** "did you mean X? Allowed: a, b, c." as a hint for an unknown name. */
export function didYouMean(word: string, allowed: readonly string[]): string {
  const near = suggest(word, allowed)
  return `${near === undefined ? '' : `Did you mean "${near}"? `}Allowed: ${allowed.join(', ')}.`
}

function normalise(word: string): string {
  return word.toLowerCase().replaceAll(/[-_\s]/g, '')
}

function editDistance(left: string, right: string): number {
  const rows = Array.from({ length: left.length + 1 }, (_, i) => {
    const row = new Array<number>(right.length + 1).fill(0)
    row[0] = i
    return row
  })
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let j = 0; j <= right.length; j++) rows[0]![j] = j
  for (let i = 1; i <= left.length; i++) {
    for (let j = 1; j <= right.length; j++) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1
      let distance = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost)
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1])
        distance = Math.min(distance, at(i - 2, j - 2) + 1)
      rows[i]![j] = distance
    }
  }
  return at(left.length, right.length)
}
