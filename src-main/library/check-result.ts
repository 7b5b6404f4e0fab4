import type { AdapterVariant, ScreenResults } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'

/** What the background checks add to an adapter's row. */
export interface CheckedFacts {
  readonly status: 'ok' | 'refused'
  readonly variant: AdapterVariant
  /** Frobenius norm of the whole update; null where it is not defined or not known. */
  readonly norm: number | null
  /** Norm of each module, in the order of the modules. */
  readonly norms: readonly (number | null)[] | null
  readonly problems: readonly Problem[]
  readonly screens: ScreenResults
}
