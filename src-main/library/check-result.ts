import type { AdapterVariant, ScreenResults } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'
import type { PackedInspection } from './pack-inspection.ts'

/** What the background checks add to an adapter's row. */
export interface CheckedFacts {
  readonly status: 'ok' | 'refused'
  readonly variant: AdapterVariant
  /** Frobenius norm of the whole update; null where it is not defined or not known. */
  readonly norm: number | null
  /** Norm of each module, in the order of the modules. */
  readonly norms: readonly (number | null)[] | null
  /** Spectra and detector; null where they are not defined or not known. */
  readonly inspection: PackedInspection | null
  readonly problems: readonly Problem[]
  readonly screens: ScreenResults
}
