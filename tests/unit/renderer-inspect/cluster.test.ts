import { describe, expect, it } from 'vitest'
import { clusterByCosine, type Cosines } from '../../../src-renderer/charts/cluster.ts'

/** Average linkage as the textbook has it: the closest two parts join, distances are means over all pairs. Cubic, and obviously right. */
function plainLinkage(cosines: Cosines): readonly { readonly members: string; readonly distance: number }[] {
  let parts = cosines.map((_, leaf) => [leaf])
  const between = (one: readonly number[], other: readonly number[]): number => {
    const all = one.flatMap((row) => other.map((column) => 1 - (cosines[row]?.[column] ?? 0)))
    return all.reduce((sum, distance) => sum + distance, 0) / all.length
  }
  const joins: { members: string; distance: number }[] = []
  while (parts.length > 1) {
    let best = { first: 0, second: 1, distance: Infinity }
    parts.forEach((one, first) =>
      parts.slice(first + 1).forEach((other, offset) => {
        const distance = between(one, other)
        if (distance < best.distance) best = { first, second: first + 1 + offset, distance }
      }),
    )
    const joined = [...(parts[best.first] ?? []), ...(parts[best.second] ?? [])]
    joins.push({ members: [...joined].sort((left, right) => left - right).join(' '), distance: best.distance })
    parts = [...parts.filter((_, place) => place !== best.first && place !== best.second), joined]
  }
  return joins
}

/** Cosines of random directions in a few dimensions, some in two bundles; the same for the same seed. */
function randomCosines(count: number, seed: number): number[][] {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  const vectors = Array.from({ length: count }, (_, index) => {
    const vector = Array.from({ length: 6 }, next)
    vector[index % 3] = (vector[index % 3] ?? 0) + 1.2
    const norm = Math.hypot(...vector)
    return vector.map((value) => value / norm)
  })
  return vectors.map((one) => vectors.map((other) => one.reduce((sum, value, place) => sum + value * (other[place] ?? 0), 0)))
}

describe('average linkage on 1 - cosine', () => {
  it.each([2, 3, 7, 24])('joins %i adapters as the plain algorithm does', (count) => {
    const cosines = randomCosines(count, count)
    const { joins } = clusterByCosine(cosines)
    const mine = joins.map((join) => ({
      members: [...join.members].sort((left, right) => left - right).join(' '),
      distance: join.distance,
    }))
    const plain = plainLinkage(cosines)
    expect(mine.map((join) => join.members)).toEqual(plain.map((join) => join.members))
    mine.forEach((join, place) => expect(join.distance).toBeCloseTo(plain[place]?.distance ?? NaN, 10))
  })
  it('keeps the members of every join side by side in the order', () => {
    const { order, joins } = clusterByCosine(randomCosines(30, 5))
    expect([...order].sort((left, right) => left - right)).toEqual(Array.from({ length: 30 }, (_, leaf) => leaf))
    for (const join of joins) {
      const places = join.members.map((member) => order.indexOf(member)).sort((left, right) => left - right)
      expect((places.at(-1) ?? 0) - (places[0] ?? 0)).toBe(join.members.length - 1)
    }
  })
  it('names the parts of a join: leaves first, then joins in their order', () => {
    const { joins, order } = clusterByCosine([
      [1, 0.1, 0.9],
      [0.1, 1, 0.3],
      [0.9, 0.3, 1],
    ])
    expect(joins.map(({ left, right }) => [left, right])).toEqual([
      [0, 2],
      [3, 1],
    ])
    expect(joins[0]?.distance).toBeCloseTo(0.1, 12)
    expect(joins[1]?.distance).toBeCloseTo(0.8, 12)
    expect(order).toEqual([0, 2, 1])
  })
  it('takes a pair that was not compared for unrelated', () => {
    const { joins } = clusterByCosine([
      [1, null, -0.5],
      [null, 1, 0.5],
      [-0.5, 0.5, 1],
    ])
    expect(joins[0]?.members).toEqual([1, 2])
    expect(joins[1]?.distance).toBeCloseTo((1 + 1.5) / 2, 12)
  })
  it('leaves one adapter and none alone', () => {
    expect(clusterByCosine([[1]])).toEqual({ order: [0], joins: [] })
    expect(clusterByCosine([])).toEqual({ order: [], joins: [] })
  })
  it('orders copies without end or doubt', () => {
    const cosines = Array.from({ length: 40 }, () => new Array<number>(40).fill(1))
    const { joins, order } = clusterByCosine(cosines)
    expect(joins).toHaveLength(39)
    expect(joins.every((join) => join.distance === 0)).toBe(true)
    expect(order).toEqual(clusterByCosine(cosines).order)
  })
  it('orders a thousand in a moment', () => {
    const cosines = randomCosines(1000, 9)
    const started = performance.now()
    expect(clusterByCosine(cosines).joins).toHaveLength(999)
    expect(performance.now() - started).toBeLessThan(4000)
  })
})
