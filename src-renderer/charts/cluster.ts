/** Two parts of the tree that meet: leaves are 0 to n - 1, join number j is node n + j. Joins stand in rising order of distance. */
export interface Join {
  readonly left: number
  readonly right: number
  /** Mean distance between the members of the two parts, 0 (same direction) to 2 (opposite). */
  readonly distance: number
  /** Members of both parts, in leaf order. */
  readonly members: readonly number[]
}

export interface Clustering {
  /** The leaves from one end of the tree to the other: neighbours are alike. */
  readonly order: readonly number[]
  readonly joins: readonly Join[]
}

/** Symmetric similarities; null where a pair was not compared. */
export type Cosines = readonly (readonly (number | null)[])[]

/** Distance of a pair that was not compared: as far apart as unrelated updates. */
const unknownDistance = 1

/**
 * Average linkage on 1 - cosine (Sokal and Michener 1958), by chains of nearest neighbours: n squared steps and n squared numbers of memory.
 * A pair that was not compared counts as unrelated. Ties go to the smaller index, so the same cosines give the same tree.
 */
export function clusterByCosine(cosines: Cosines): Clustering {
  const count = cosines.length
  const merges = chainMerges(distancesOf(cosines), count).sort((left, right) => left.distance - right.distance)
  return treeOf(merges, count)
}

interface Merge {
  /** A leaf of either part. */
  readonly first: number
  readonly second: number
  readonly distance: number
}

function distancesOf(cosines: Cosines): Float64Array {
  const count = cosines.length
  const distances = new Float64Array(count * count)
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      const cosine = cosines[row]?.[column] ?? null
      distances[row * count + column] = row === column ? 0 : cosine === null ? unknownDistance : 1 - cosine
    }
  }
  return distances
}

/** Merges in the order in which the chain finds them; each part is known by the slot of one of its leaves. Overwrites `distances`. */
function chainMerges(distances: Float64Array, count: number): Merge[] {
  const sizes = new Float64Array(count).fill(1)
  const merges: Merge[] = []
  const chain: number[] = []
  while (merges.length < count - 1) {
    if (chain.length === 0) chain.push(sizes.findIndex((size) => size > 0))
    const tip = chain.at(-1) as number
    const before = chain.at(-2)
    const next = nearestTo(tip, before, distances, sizes)
    if (next !== before) {
      chain.push(next)
      continue
    }
    chain.length -= 2
    const [keep, gone] = tip < next ? [tip, next] : [next, tip]
    merges.push({ first: keep, second: gone, distance: distances[keep * count + gone] as number })
    joinInto(keep, gone, distances, sizes)
  }
  return merges
}

/** The live slot nearest to `tip`; the one it came from wins a tie, so that the chain ends. */
function nearestTo(tip: number, before: number | undefined, distances: Float64Array, sizes: Float64Array): number {
  const count = sizes.length
  let best = before ?? -1
  let least = before === undefined ? Infinity : (distances[tip * count + before] as number)
  for (let slot = 0; slot < count; slot++) {
    if (slot === tip || (sizes[slot] as number) === 0) continue
    const distance = distances[tip * count + slot] as number
    if (distance < least) {
      least = distance
      best = slot
    }
  }
  return best
}

/** The joined part takes the slot `keep`; its distance to every other is the mean over its members. */
function joinInto(keep: number, gone: number, distances: Float64Array, sizes: Float64Array): void {
  const count = sizes.length
  const [kept, added] = [sizes[keep] as number, sizes[gone] as number]
  for (let slot = 0; slot < count; slot++) {
    if (slot === keep || slot === gone || (sizes[slot] as number) === 0) continue
    const mean = (kept * (distances[keep * count + slot] as number) + added * (distances[gone * count + slot] as number)) / (kept + added)
    distances[keep * count + slot] = mean
    distances[slot * count + keep] = mean
  }
  sizes[keep] = kept + added
  sizes[gone] = 0
}

function treeOf(merges: readonly Merge[], count: number): Clustering {
  /** Node of the part that a leaf is in now, found by following `up`. */
  const up = Array.from({ length: count }, (_, leaf) => leaf)
  const nodes: number[] = Array.from({ length: count }, (_, leaf) => leaf)
  const membersOf: (readonly number[])[] = Array.from({ length: count }, (_, leaf) => [leaf])
  const rootOf = (leaf: number): number => {
    let at = leaf
    while (up[at] !== at) {
      up[at] = up[up[at] as number] as number
      at = up[at] as number
    }
    return at
  }
  const joins = merges.map((merge, index): Join => {
    const parts = [rootOf(merge.first), rootOf(merge.second)].map((root) => ({ root, members: membersOf[root] as readonly number[] }))
    // The larger part first; equal ones by their smallest member.
    parts.sort((one, other) => other.members.length - one.members.length || Math.min(...one.members) - Math.min(...other.members))
    const [first, second] = parts as [(typeof parts)[0], (typeof parts)[0]]
    const members = [...first.members, ...second.members]
    const join = { left: nodes[first.root] as number, right: nodes[second.root] as number, distance: merge.distance, members }
    up[second.root] = first.root
    nodes[first.root] = count + index
    membersOf[first.root] = members
    return join
  })
  return { order: joins.at(-1)?.members ?? Array.from({ length: count }, (_, leaf) => leaf), joins }
}
