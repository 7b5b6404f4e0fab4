import type { AdapterRow } from '../../../src-main/contract/adapter.ts'
import type { AdapterInspection, Detector, Families } from '../../../src-main/contract/inspection.ts'
import type { ChartTable } from '../../charts/chart-table.ts'
import type { Spectrum } from '../../charts/spectra.ts'
import { kindsOf } from '../../charts/update-norm-by-layer.ts'
import { formatCount, formatNumber, formatPercent } from '../../format/numbers.ts'
import { listWords, plural } from '../../format/words.ts'

/** The names of the adapters shown, for the hover text. */
export function shownWords(rows: readonly AdapterRow[], most = 12): string {
  const names = rows.slice(0, most).map((row) => row.name)
  const others = rows.length - names.length
  return others > 0 ? `${names.join('\n')}\nand ${plural(others, 'other')}` : names.join('\n')
}

/** How many of the adapters cannot be looked at, and why: "2 still being checked, 1 missing"; empty when all can. */
export function leftOutWords(rows: readonly AdapterRow[]): string {
  const reasons = [
    { status: 'checking', words: 'still being checked' },
    { status: 'missing', words: 'missing' },
    { status: 'refused', words: 'refused' },
  ] as const
  const parts = reasons.flatMap(({ status, words }) => {
    const count = rows.filter((row) => row.status === status).length
    return count > 0 ? [`${formatCount(count)} ${words}`] : []
  })
  return parts.length === 0 ? '' : `left out: ${listWords(parts)}`
}

/** A target module by kind and layer: "q_proj, layer 3". */
export interface ModulePlace {
  readonly moduleKind: string
  readonly layer: number | null
}

export function moduleWords({ moduleKind, layer }: ModulePlace): string {
  return layer === null ? moduleKind : `${moduleKind}, layer ${layer}`
}

/** Module kinds and layers that at least one of the adapters touches; the place where their updates are largest together. */
export function modulePlaces(adapters: readonly AdapterInspection[]): {
  readonly kinds: readonly string[]
  readonly layers: readonly (number | null)[]
  readonly largest: ModulePlace | null
} {
  const modules = adapters.flatMap((adapter) => adapter.modules)
  const energy = new Map<string, { readonly place: ModulePlace; readonly sum: number }>()
  for (const { moduleKind, layer, norm } of modules) {
    const key = `${moduleKind} ${layer}`
    energy.set(key, { place: { moduleKind, layer }, sum: (energy.get(key)?.sum ?? 0) + norm ** 2 })
  }
  const first = [...energy.values()].sort((one, other) => other.sum - one.sum)[0]
  const layers = [...new Set(modules.map((module) => module.layer))].sort((one, other) => (one ?? Infinity) - (other ?? Infinity))
  return { kinds: kindsOf(modules), layers, largest: first?.place ?? null }
}

/** The singular values of one module for each adapter; colours by place, as long as there are some. */
export function spectraOf(adapters: readonly AdapterInspection[], place: ModulePlace, colours: number): readonly Spectrum[] {
  return adapters.map((adapter, index) => {
    const module = adapter.modules.find((candidate) => candidate.moduleKind === place.moduleKind && candidate.layer === place.layer)
    return {
      id: adapter.id,
      name: adapter.name,
      colour: index < colours ? index : null,
      values: module?.singularValues ?? [],
      effectiveRank: module?.effectiveRank ?? 0,
    }
  })
}

const frozenWords: Readonly<Record<Detector['frozenA'], string>> = {
  uniform: 'frozen, uniform start',
  gaussian: 'frozen, normal start',
  trained: 'trained',
}

/** Share of zeros in B from which B counts as sparse (LoRI-S keeps one value in ten). */
const sparse = 0.5

/** The finding of the detector, for the table's title. */
export function detectorFinding(adapters: readonly AdapterInspection[]): string {
  const known = adapters.flatMap((adapter) => adapter.detector ?? [])
  if (known.length === 0) return 'Which adapters were trained with A frozen? Nothing is known yet'
  const frozen = known.filter((detector) => detector.frozenA !== 'trained').length
  const thin = known.filter((detector) => detector.zerosB >= sparse).length
  const words =
    frozen === 0
      ? `None of ${plural(known.length, 'adapter')} looks trained with A frozen`
      : `${formatCount(frozen)} of ${plural(known.length, 'adapter')} look trained with A frozen`
  return thin === 0 ? words : `${words}; ${formatCount(thin)} with a sparse B`
}

/** The detector's figures of each adapter, frozen ones first. */
export function detectorTable(adapters: readonly AdapterInspection[]): ChartTable {
  const place = ({ detector }: AdapterInspection): number => (detector === null ? 2 : detector.frozenA === 'trained' ? 1 : 0)
  const rows = [...adapters].sort((one, other) => place(one) - place(other) || one.name.localeCompare(other.name))
  return {
    columns: [
      { label: 'adapter', numeric: false },
      { label: 'A', numeric: false },
      { label: 'max |A| · √in', numeric: true },
      { label: 'std(A) · √(3 in)', numeric: true },
      { label: 'kurtosis of A', numeric: true },
      { label: 'zeros in B', numeric: true, format: (share) => formatPercent(share) },
      { label: 'verdict', numeric: false },
    ],
    rows: rows.map(({ name, detector }) =>
      detector === null
        ? [name, 'not computed yet', null, null, null, null, '']
        : [
            name,
            frozenWords[detector.frozenA],
            detector.maxScaledA,
            detector.scaledStdA,
            detector.kurtosisA,
            detector.zerosB,
            detector.verdict,
          ],
    ),
  }
}

/** The finding about families, for their heading. */
export function familiesFinding({ families, threshold }: Families): string {
  const at = formatNumber(threshold, 3)
  if (families.length === 0) return `No two compared adapters have a cosine of ${at} or more`
  const members = families.reduce((sum, family) => sum + family.ids.length, 0)
  return `${plural(members, 'adapter')} in ${plural(families.length, 'family', 'families')} linked by cosines of ${at} or more`
}

/** The cosines inside one family: "cosines 0.991 to 0.999". */
export function familyWords(family: Families['families'][number]): string {
  const [low, high] = [family.lowest.toFixed(4), family.highest.toFixed(4)]
  return low === high ? `cosine ${low}` : `cosines ${low} to ${high}`
}
