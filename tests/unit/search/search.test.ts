import { describe, expect, test } from 'vitest'
import { tunerOf } from '../../../src-main/contract/tuners.ts'
import { createSearch, optimisers, type OptimiserId, type Search } from '../../../src-main/search/search.ts'
import type { Candidate, Dimension } from '../../../src-main/search/space.ts'

const ids = Object.keys(optimisers) as OptimiserId[]

function box(n: number, low = -1.5, high = 1.5): readonly Dimension[] {
  return Array.from({ length: n }, (_, index) => ({ kind: 'number', id: `x${index}`, low, high }))
}

function startOf(space: readonly Dimension[], value = 0): Candidate {
  return Object.fromEntries(space.map(({ id }) => [id, value]))
}

const coordinates = (candidate: Candidate): number[] => Object.values(candidate) as number[]

/** Runs a search to its end; answers with everything that was tried, and its values. */
function minimise(search: Search, f: (candidate: Candidate) => number | null) {
  const tried: { readonly candidate: Candidate; readonly value: number | null }[] = []
  for (let asked = search.ask(); asked.length > 0; asked = search.ask()) {
    const values = asked.map(f)
    tried.push(...asked.map((candidate, index) => ({ candidate, value: values[index]! })))
    search.tell(values)
  }
  const best = tried.reduce((left, right) => ((right.value ?? Infinity) < (left.value ?? Infinity) ? right : left))
  return { tried, best }
}

const sphere = (candidate: Candidate): number => coordinates(candidate).reduce((sum, x, index) => sum + (x - 0.1 * (index + 1)) ** 2, 0)
const rosenbrock = (candidate: Candidate): number => {
  const x = coordinates(candidate)
  return x.slice(1).reduce((sum, next, index) => sum + 100 * (next - x[index]! ** 2) ** 2 + (1 - x[index]!) ** 2, 0)
}
const ellipsoid = (candidate: Candidate): number => {
  const x = coordinates(candidate)
  // Turned by pairs, so that the axes are not those of the box.
  const turned = x.map((value, index) => (index % 2 === 0 ? 0.8 * value + 0.6 * (x[index + 1] ?? 0) : 0.8 * value - 0.6 * x[index - 1]!))
  return turned.reduce((sum, value, index) => sum + 10 ** ((4 * index) / (x.length - 1)) * (value - 0.2) ** 2, 0)
}

function searchFor(id: OptimiserId, n: number, trials: number, seed = 1): Search {
  const space = box(n)
  return createSearch(id, space, { seed, start: startOf(space), population: 0, trials })
}

describe('cma_es', () => {
  test.each([1, 2, 3])('finds the minimum of a sphere in ten dimensions (seed %i)', (seed) => {
    const { best } = minimise(searchFor('cma_es', 10, 2000, seed), sphere)
    expect(best.value).toBeLessThan(1e-10)
    coordinates(best.candidate).forEach((x, index) => expect(x).toBeCloseTo(0.1 * (index + 1), 4))
  })

  test.each([1, 2])("finds Rosenbrock's minimum in four dimensions (seed %i)", (seed) => {
    const { best } = minimise(searchFor('cma_es', 4, 3000, seed), rosenbrock)
    expect(best.value).toBeLessThan(1e-9)
    coordinates(best.candidate).forEach((x) => expect(x).toBeCloseTo(1, 3))
  })

  test('begins with the steps that the dimensions say', () => {
    const space: readonly Dimension[] = [
      { kind: 'number', id: 'near', low: -1, high: 1, step: 0.01 },
      { kind: 'number', id: 'far', low: -1, high: 1 },
    ]
    const first = createSearch('cma_es', space, { seed: 1, start: { near: 0, far: 0 }, population: 400, trials: 401 })
      .ask()
      .slice(1)
    const deviation = (id: string): number => Math.sqrt(first.reduce((sum, candidate) => sum + Number(candidate[id]) ** 2, 0) / 400)
    expect(deviation('near')).toBeCloseTo(0.02, 2)
    // Of a normal distribution of deviation 0.6 mirrored at 1.
    expect(deviation('far')).toBeGreaterThan(0.45)
    expect(deviation('far')).toBeLessThan(0.6)
  })

  test('learns the axes of a turned ellipsoid of condition 1e4', () => {
    expect(minimise(searchFor('cma_es', 6, 4000), ellipsoid).best.value).toBeLessThan(1e-9)
  })

  test('takes 4 + floor(3 ln n) at a time, or what is asked for', () => {
    expect(searchFor('cma_es', 10, 100).ask()).toHaveLength(1 + 10)
    const space = box(10)
    expect(createSearch('cma_es', space, { seed: 1, start: startOf(space), population: 16, trials: 100 }).ask()).toHaveLength(17)
  })

  test('goes on with a diagonal covariance where there are many dimensions', () => {
    const { best } = minimise(searchFor('cma_es', 130, 6000), (candidate) =>
      coordinates(candidate).reduce((sum, x) => sum + (x - 0.3) ** 2, 0),
    )
    expect(best.value).toBeLessThan(0.05)
  })

  test('finds a minimum on a bound', () => {
    const { best } = minimise(searchFor('cma_es', 4, 1200), (candidate) => coordinates(candidate).reduce((sum, x) => sum + (x - 2) ** 2, 0))
    expect(best.value).toBeCloseTo(4 * 0.25, 4)
  })
})

describe('nelder_mead', () => {
  test('finds the minimum of a sphere in three dimensions', () => {
    const { best } = minimise(searchFor('nelder_mead', 3, 800), sphere)
    expect(best.value).toBeLessThan(1e-10)
  })

  test("finds Rosenbrock's minimum in two dimensions", () => {
    expect(minimise(searchFor('nelder_mead', 2, 800), rosenbrock).best.value).toBeLessThan(1e-10)
  })

  test('asks for the simplex, then for the four candidates of an iteration at once', () => {
    const search = searchFor('nelder_mead', 2, 100)
    const first = search.ask()
    expect(first).toEqual([
      { x0: 0, x1: 0 },
      { x0: 0.75, x1: 0 },
      { x0: 0, x1: 0.75 },
    ])
    search.tell([2, 0, 1])
    // The worst is the start; the centre of the others is (0.375, 0.375).
    const expected = [0.75, 1.125, 0.5625, 0.1875]
    const asked = search.ask()
    expect(asked).toHaveLength(4)
    asked.forEach(({ x0, x1 }, index) => {
      expect(x0).toBeCloseTo(expected[index]!, 12)
      expect(x1).toBeCloseTo(expected[index]!, 12)
    })
    // Nothing helps: the simplex shrinks towards the best vertex, all vertices at once.
    search.tell([5, 5, 5, 5])
    const shrunk = search.ask()
    expect(shrunk).toHaveLength(2)
    expect(shrunk[0]!['x0']).toBeCloseTo(0.375, 12)
    expect(shrunk[0]!['x1']).toBeCloseTo(0.375, 12)
    expect(shrunk[1]!['x0']).toBeCloseTo(0.375, 12)
    expect(shrunk[1]!['x1']).toBeCloseTo(0, 12)
  })

  test('ends by itself when the simplex has no size any more', () => {
    const { tried } = minimise(searchFor('nelder_mead', 2, 100_000), sphere)
    expect(tried.length).toBeLessThan(2000)
  })
})

describe('random and grid', () => {
  test('random fills the box evenly', () => {
    const { tried } = minimise(searchFor('random', 2, 4001), sphere)
    const xs = tried.slice(1).map(({ candidate }) => Number(candidate['x0']))
    expect(xs.reduce((sum, x) => sum + x, 0) / xs.length).toBeCloseTo(0, 1)
    // Standard deviation of the uniform distribution over a range of 3: 3 / sqrt(12).
    expect(Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0) / xs.length)).toBeCloseTo(3 / Math.sqrt(12), 1)
  })

  test('a grid covers the box with equal steps, bounds included', () => {
    const { tried } = minimise(searchFor('grid', 2, 10), sphere)
    expect(tried.map(({ candidate }) => coordinates(candidate))).toEqual([
      [0, 0],
      ...[-1.5, 0, 1.5].flatMap((y) => [-1.5, 0, 1.5].map((x) => [x, y])),
    ])
  })

  test('a grid names every whole number and every choice once, and leaves a dimension out that the trials do not reach', () => {
    const space: readonly Dimension[] = [
      { kind: 'integer', id: 'k', low: 2, high: 4 },
      { kind: 'choice', id: 'variant', values: ['paper', 'count'] },
    ]
    const start = { k: 2, variant: 'paper' }
    const all = minimise(createSearch('grid', space, { seed: 1, start, population: 4, trials: 7 }), () => 1).tried.slice(1)
    expect(all.map(({ candidate }) => [candidate['k'], candidate['variant']])).toEqual([
      [2, 'paper'],
      [3, 'paper'],
      [4, 'paper'],
      [2, 'count'],
      [3, 'count'],
      [4, 'count'],
    ])
    const few = minimise(createSearch('grid', box(8), { seed: 1, start: startOf(box(8)), population: 0, trials: 9 }), () => 1).tried
    expect(new Set(few.map(({ candidate }) => candidate['x3']))).toEqual(new Set([0]))
    expect(few).toHaveLength(9)
  })
})

describe('every optimiser', () => {
  test.each(ids)('%s tries the start first and stays within bounds, with whole numbers and choices as they are', (id) => {
    const space: readonly Dimension[] = [
      { kind: 'number', id: 'density', low: 0.05, high: 0.95 },
      { kind: 'integer', id: 'k', low: 1, high: 7 },
      { kind: 'choice', id: 'variant', values: ['paper', 'count', true] },
    ]
    const start = { density: 0.2, k: 7, variant: 'count' }
    const { tried, best } = minimise(
      createSearch(id, space, { seed: 3, start, population: 0, trials: 200 }),
      ({ density, k, variant }) => (Number(density) - 0.6) ** 2 + (Number(k) - 3) ** 2 / 36 + (variant === 'paper' ? 0 : 0.5),
    )
    expect(tried[0]!.candidate).toEqual(start)
    for (const { candidate } of tried) {
      expect(candidate['density']).toBeGreaterThanOrEqual(0.05)
      expect(candidate['density']).toBeLessThanOrEqual(0.95)
      expect([1, 2, 3, 4, 5, 6, 7]).toContain(candidate['k'])
      expect(['paper', 'count', true]).toContain(candidate['variant'])
    }
    // A simplex knows slopes only, and a choice has none.
    if (id === 'nelder_mead') return
    expect(best.candidate['variant']).toBe('paper')
    expect(best.candidate['k']).toBe(3)
    expect(best.candidate['density']).toBeCloseTo(0.6, 0)
  })

  test.each(ids)('%s goes on from its state with the same candidates, whenever it was stopped', (id) => {
    const space = box(3)
    const options = { seed: 11, start: startOf(space), population: 5, trials: 40 }
    const whole = minimise(createSearch(id, space, options), rosenbrock).tried
    let search = createSearch(id, space, options)
    const again: Candidate[] = []
    for (let asked = search.ask(); asked.length > 0; asked = search.ask()) {
      // Asking changes nothing; what is kept is text.
      search = createSearch(id, space, options, JSON.parse(JSON.stringify(search.state())))
      expect(search.ask()).toEqual(asked)
      again.push(...asked)
      search.tell(asked.map(rosenbrock))
    }
    expect(again).toEqual(whole.map(({ candidate }) => candidate))
    // The grid has no more points than fit, the others use every trial.
    expect(again).toHaveLength(id === 'grid' ? 1 + 36 : 40)
    expect(search.told).toBe(again.length)
  })

  test.each(ids)('%s depends on the seed only where it draws', (id) => {
    const space = box(3)
    const triedWith = (seed: number) =>
      minimise(createSearch(id, space, { seed, start: startOf(space), population: 0, trials: 30 }), sphere).tried
    expect(triedWith(5)).toEqual(triedWith(5))
    if (id === 'cma_es' || id === 'random') expect(triedWith(5)).not.toEqual(triedWith(6))
  })

  test.each(ids)('%s goes on where candidates cannot be evaluated', (id) => {
    let calls = 0
    const { tried, best } = minimise(searchFor(id, 3, 60), (candidate) => (calls++ % 3 === 0 ? null : sphere(candidate)))
    expect(tried.length).toBeGreaterThan(20)
    expect(best.value).toBeLessThan(5)
  })

  test('one trial is the start alone', () => {
    for (const id of ids) {
      const search = searchFor(id, 3, 1)
      expect(search.ask()).toEqual([{ x0: 0, x1: 0, x2: 0 }])
      search.tell([1])
      expect(search.ask()).toEqual([])
    }
  })

  test('a start outside of the box, an empty box and a wrong number of values are refused', () => {
    const space = box(2)
    const options = { seed: 1, population: 0, trials: 10 }
    expect(() => createSearch('random', space, { ...options, start: { x0: 0, x1: 2 } })).toThrow('x1 cannot start at 2')
    expect(() => createSearch('random', [], { ...options, start: {} })).toThrow('nothing to search')
    expect(() => searchFor('random', 2, 10).tell([1])).toThrow('1 values for 10 candidates')
  })
})

test('there is an optimiser for every choice of the registry', () => {
  const choice = tunerOf('search').params.find(({ id }) => id === 'optimiser')
  expect(choice?.kind === 'choice' && choice.options.map(({ id }) => id)).toEqual(ids)
})
