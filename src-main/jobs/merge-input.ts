/** What a merge is started with. */
export interface MergeInput {
  /** Recipe text or draft; checked by the recipe's own resolver. */
  readonly recipe: unknown
  /** The folder from which relative adapter paths start. */
  readonly relativeTo?: string
  /** Exactly this folder is made; without it a new folder in the outputs folder. */
  readonly outFolder?: string
}
