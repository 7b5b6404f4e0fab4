import type { AdapterModule } from '../contract/adapter.ts'
import type { Detector, ModuleInspection } from '../contract/inspection.ts'
import { detectorOf, type DetectorFigures } from './detect-lori.ts'
import type { InspectedModule } from './inspection.ts'
import { effectiveRankOf, weightedMean } from './effective-rank.ts'

/** What the library keeps of an adapter's spectra: one compact JSON text, and the figure that rows are sorted by. */
export interface PackedInspection {
  readonly text: string
  readonly effectiveRank: number | null
}

/** Spectra in the order of the modules, null where there is none. */
interface Packed {
  readonly spectra: readonly (readonly number[] | null)[]
  readonly detector: DetectorFigures | null
}

/** Singular values keep six digits: they are looked at, and there are thousands in an adapter. */
const digits = 6

/** Spectra of `modules` and what the detector found, for the table. */
export function packInspection(
  modules: readonly AdapterModule[],
  inspected: ReadonlyMap<string, InspectedModule>,
  detector: DetectorFigures | null,
): PackedInspection {
  const spectra = modules.map(({ name }) => inspected.get(name)?.singularValues?.map(rounded) ?? null)
  const ranks = modules.map(({ name }, index) => ({
    value: spectra[index] ? effectiveRankOf(spectra[index]) : null,
    weight: (inspected.get(name)?.norm ?? 0) ** 2,
  }))
  return { text: JSON.stringify({ spectra, detector } satisfies Packed), effectiveRank: weightedMean(ranks) }
}

/** The parts of an inspection that `text` holds, for modules with their norms. */
export function unpackInspection(
  text: string,
  modules: readonly AdapterModule[],
): { readonly modules: ModuleInspection[]; readonly detector: Detector | null } {
  const { spectra, detector } = JSON.parse(text) as Packed
  return {
    modules: modules.map(({ name, layer, moduleKind, norm }, index) => {
      const singularValues = [...(spectra[index] ?? [])]
      const effectiveRank = spectra[index] ? effectiveRankOf(singularValues) : null
      return { name, layer, moduleKind, norm: norm ?? 0, singularValues, effectiveRank }
    }),
    detector: unpackDetector(detector),
  }
}

/** The detector's part alone: without looking at thousands of singular values one by one. */
export function detectorIn(text: string): Detector | null {
  return unpackDetector((JSON.parse(text) as Packed).detector)
}

function unpackDetector(figures: DetectorFigures | null): Detector | null {
  return figures === null ? null : detectorOf(figures)
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits))
}
