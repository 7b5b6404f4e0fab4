import { expect, test } from 'vitest'
import type { AdapterModule } from '../../../src-main/contract/adapter.ts'
import { detectLori, detectorOf, frozenVariant } from '../../../src-main/library/detect-lori.ts'
import type { InspectedModule } from '../../../src-main/library/inspection.ts'
import { gaussian, uniform } from '../../helpers/adapters.ts'

// Synthetic factors against the thresholds of lego-lori.md 2.9.

const shapes = [
  { name: 'layers.0.q', in: 1024, out: 512, rank: 16 },
  { name: 'layers.0.down', in: 2048, out: 1024, rank: 16 },
  { name: 'layers.1.q', in: 1024, out: 512, rank: 16 },
]
type Shape = (typeof shapes)[number]
const modules = shapes.map((shape): AdapterModule => ({
  ...{ ...shape, layer: 0, moduleKind: 'q', alpha: 16, scaling: 1, dtype: 'float32', tensorA: '', tensorB: '', norm: null },
}))

/** Statistics of A as drawn by `draw`, with the given share of zeros in B. */
function facts(draw: (shape: Shape) => () => number, zerosB: (shape: Shape) => number = () => 0): Map<string, InspectedModule> {
  return new Map(
    shapes.map((shape) => {
      const next = draw(shape)
      const values = Array.from({ length: shape.rank * shape.in }, next)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
      const kurtosisA = values.reduce((sum, value) => sum + (value - mean) ** 4, 0) / values.length / variance ** 2
      const maxAbsA = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      const module = {
        name: shape.name,
        norm: 1,
        singularValues: [1],
        zerosA: 0,
        zerosB: zerosB(shape),
        maxAbsA,
        stdA: Math.sqrt(variance),
        kurtosisA,
      }
      return [shape.name, module]
    }),
  )
}

const fresh = ({ name, in: input }: Shape) => {
  const next = uniform(name.length * 7 + input)
  return () => (2 * next() - 1) / Math.sqrt(input)
}
/** Moved by training: normal drift of the given standard deviation, in units of 1 / sqrt(in). */
const drifted = (drift: number) => (shape: Shape) => {
  const start = fresh(shape)
  const next = gaussian(shape.in + 3)
  return () => start() + (drift * next()) / Math.sqrt(shape.in)
}
const normal = (spread: (shape: Shape) => number) => (shape: Shape) => {
  const next = gaussian(shape.in + shape.name.length)
  return () => spread(shape) * next()
}
const judge = (inspected: Map<string, InspectedModule>) => {
  const figures = detectLori(modules, inspected)
  return { ...detectorOf(figures!), folded: figures!.folded, variant: frozenVariant(figures) }
}

test('a uniform start that never moved, with dense and with sparse B', () => {
  const dense = judge(facts(fresh))
  expect(dense).toMatchObject({ frozenA: 'uniform', folded: false, variant: 'frozen-a', zerosB: 0 })
  expect(dense.maxScaledA).toBeLessThanOrEqual(1)
  expect(dense.scaledStdA).toBeCloseTo(1, 2)
  expect(dense.kurtosisA).toBeCloseTo(1.8, 1)
  expect(dense.verdict).toMatch(/^Frozen-A LoRA \(LoRI-D compatible\): A is as it was drawn, uniform\. LEGO finds no signal in the A half/)
  // Uneven over the modules, 90 % over all of B.
  const sparse = judge(facts(fresh, ({ rank, out }) => (out === 512 ? 0.95 : (0.9 * 2048 - 0.95 * 1024) / out + 0 * rank)))
  expect(sparse).toMatchObject({ frozenA: 'uniform', variant: 'lori-s' })
  expect(sparse.zerosB).toBeCloseTo(0.9, 6)
  expect(sparse.verdict).toMatch(/^LoRI-S: .*90\.0 % of B is exactly 0/)
})

test.each([0.0064, 0.02, 0.1, 0.5])('A that drifted by %d of its bound is trained', (drift) => {
  const moved = judge(facts(drifted(drift)))
  expect(moved).toMatchObject({ frozenA: 'trained', variant: 'plain' })
  expect(moved.maxScaledA).toBeGreaterThan(1.004)
  expect(moved.verdict).toBe('Trained A: nothing points to a frozen A or to LoRI.')
})

test('a trained A with a sparse B says so', () => {
  expect(judge(facts(drifted(0.3), () => 0.9))).toMatchObject({ frozenA: 'trained', variant: 'plain' })
  expect(judge(facts(drifted(0.3), () => 0.9)).verdict).toContain('90.0 % of B is exactly 0, as in LoRI-S')
})

test('a scale folded into a uniform start is told by max / std = sqrt 3, also where it differs from module to module', () => {
  const folded = judge(facts((shape) => { const next = fresh(shape); return () => (shape.in === 2048 ? 0.7 : 2.5) * next() })) // prettier-ignore
  expect(folded).toMatchObject({ frozenA: 'uniform', folded: true, variant: 'frozen-a' })
  expect(folded.verdict).toContain('with a scale folded into it')
  expect(judge(facts((shape) => { const next = drifted(0.05)(shape); return () => 2.5 * next() }))).toMatchObject({ frozenA: 'trained' }) // prettier-ignore
})

test('a normal start that every module shares looks frozen, and changes no class', () => {
  for (const spread of [() => 0.02, ({ rank }: Shape) => 1 / rank, ({ in: input }: Shape) => 1 / Math.sqrt(input)]) {
    const frozen = judge(facts(normal(spread)))
    expect(frozen).toMatchObject({ frozenA: 'gaussian', variant: 'plain' })
    expect(frozen.kurtosisA).toBeCloseTo(3, 1)
    expect(frozen.verdict).toContain('looks frozen at a normal start')
  }
  // Spreads that follow from no shape: training made them.
  expect(judge(facts(normal(({ name }) => (name === 'layers.1.q' ? 0.03 : 0.02))))).toMatchObject({ frozenA: 'trained' })
})

test('where figures are missing nothing is judged, and A of one number is no start', () => {
  const some = facts(fresh)
  expect(detectLori(modules, new Map([...some].slice(1)))).toBeNull()
  expect(detectLori([], new Map())).toBeNull()
  expect(frozenVariant(null)).toBe('plain')
  const constant = new Map([...some].map(([name, module]) => [name, { ...module, maxAbsA: 0.5, stdA: 0, kurtosisA: null }]))
  expect(judge(constant)).toMatchObject({ frozenA: 'trained', variant: 'plain' })
})
