import type { AdaptInput } from '../contract/adapt.ts'

/** What a job of Adapt is started with. */
export interface AdaptJobInput extends AdaptInput {
  /** The same for jobs that were started together; null or absent for a job of its own. */
  readonly group?: string | null
  /** Parameters whose values tell it from the others of its group; its title names them. */
  readonly swept?: readonly string[]
}
