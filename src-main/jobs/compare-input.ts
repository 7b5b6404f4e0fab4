/** What a comparison is started with: every pair of these adapters that was not compared yet. */
export interface CompareInput {
  readonly ids: readonly string[]
}
