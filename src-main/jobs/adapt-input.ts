import type { AdaptInput } from '../contract/adapt.ts'

/** What a job of Adapt is started with. */
export interface AdaptJobInput extends AdaptInput {
  /** The same for jobs that were started together; null or absent for a job of its own. */
  readonly group?: string | null
}
