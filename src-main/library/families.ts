/** Two adapters whose updates point the same way, with their cosine. */
export interface FamilyLink {
  readonly left: string
  readonly right: string
  readonly cosine: number
}

/** Adapters that hang together, in the order in which the links name them, with the lowest and highest cosine of their links. */
export interface Family {
  readonly ids: string[]
  readonly lowest: number
  readonly highest: number
}

/** The connected components of `links`, largest first. */
export function familiesOf(links: readonly FamilyLink[]): Family[] {
  const parents = new Map<string, string>()
  const rootOf = (id: string): string => {
    let root = id
    while (parents.get(root) !== root) root = parents.get(root)!
    // Paths are shortened on the way, so that long chains cost little.
    for (let at = id; at !== root;) {
      const next = parents.get(at)!
      parents.set(at, root)
      at = next
    }
    return root
  }
  for (const { left, right } of links) {
    for (const id of [left, right]) if (!parents.has(id)) parents.set(id, id)
    parents.set(rootOf(right), rootOf(left))
  }
  const families = new Map<string, { ids: string[]; lowest: number; highest: number }>()
  for (const id of parents.keys()) {
    const root = rootOf(id)
    const family = families.get(root)
    if (family) family.ids.push(id)
    else families.set(root, { ids: [id], lowest: Infinity, highest: -Infinity })
  }
  for (const { left, cosine } of links) {
    const family = families.get(rootOf(left))!
    family.lowest = Math.min(family.lowest, cosine)
    family.highest = Math.max(family.highest, cosine)
  }
  return [...families.values()].sort((left, right) => right.ids.length - left.ids.length)
}
