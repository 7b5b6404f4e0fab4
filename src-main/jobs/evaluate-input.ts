import type { EvaluateInput } from '../contract/run.ts'

/** What an evaluation is started with. */
export interface EvaluateJobInput extends EvaluateInput {
  /** True: the job is refused for every subject that cannot be evaluated; else such subjects are left out, with a warning each, as long as one is left. */
  readonly strict?: boolean
}
