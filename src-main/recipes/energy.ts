import type { MergePreview } from '../contract/recipe.ts'
import type { SharedModule } from './union-modules.ts'

type Estimate = NonNullable<MergePreview['estimate']>

/** What the native core says of one merged module. */
export interface ModuleEnergy {
  readonly name: string
  /** Frobenius norm of the module's merged update D before it is cut. */
  readonly norm: number
  /** ||D - D'|| / ||D||, 0 when nothing was cut. */
  readonly discardedEnergy: number
}

/**
 * Share of the squared norm that stays after truncation, 0 to 1 (docs/decisions/0004): over several modules the kept squares over all squares.
 * A result that is zero throughout has lost nothing.
 */
export function keptEnergy(modules: readonly ModuleEnergy[]): number {
  let kept = 0
  let whole = 0
  for (const module of modules) {
    kept += keptSquare(module)
    whole += module.norm ** 2
  }
  return whole > 0 ? kept / whole : 1
}

/** Squared norm of a module's update as it is written: cutting removes a part at right angles to the rest. */
function keptSquare({ norm, discardedEnergy }: ModuleEnergy): number {
  return norm ** 2 * (1 - Math.min(1, discardedEnergy) ** 2)
}

/** Kept energy of each layer, modules outside the layers last. */
export function keptEnergyByLayer(energies: readonly ModuleEnergy[], modules: readonly SharedModule[]): Estimate['keptEnergyByLayer'] {
  const layerOf = new Map(modules.map((module) => [module.name, module.layer]))
  const byLayer = new Map<number | null, ModuleEnergy[]>()
  for (const energy of energies) {
    const layer = layerOf.get(energy.name) ?? null
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), energy])
  }
  return [...byLayer]
    .sort(([left], [right]) => (left ?? Infinity) - (right ?? Infinity))
    .map(([layer, own]) => ({ layer, keptEnergy: keptEnergy(own) }))
}

/** Norm of the whole merged update over the given modules, as it is written. */
export function mergedNorm(modules: readonly ModuleEnergy[]): number {
  return Math.sqrt(modules.reduce((sum, module) => sum + keptSquare(module), 0))
}

/** Norms of the sources from the inner products of their updates; rounding below zero counts as zero. */
export function normsOf(gram: readonly (readonly number[])[]): number[] {
  return gram.map((row, index) => Math.sqrt(Math.max(0, row[index] ?? 0)))
}

/** Cosine of each pair of updates, -1 to 1; an update that is zero has cosine 0 with the others and 1 with itself. */
export function cosinesOf(gram: readonly (readonly number[])[]): number[][] {
  const norms = normsOf(gram)
  return gram.map((row, i) =>
    row.map((product, j) => {
      if (i === j) return 1
      const scale = norms[i]! * norms[j]!
      return scale > 0 ? Math.max(-1, Math.min(1, product / scale)) : 0
    }),
  )
}
