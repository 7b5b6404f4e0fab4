import type { AdapterModule, AdapterVariant, ScreenResults } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'
import type { Stamp } from './read-file.ts'

/** A tensor that is no part of the low-rank update, and why. */
export interface IgnoredTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly reason: string
}

/** Everything that the headers of one adapter folder tell; values of tensors are not read. */
export interface AdapterFacts {
  /** Real path of the folder. */
  readonly folder: string
  /** Path of adapter_model.safetensors, null when there is none. */
  readonly weightsPath: string | null
  /** Stamps of weights file and config: unchanged stamps mean that nothing needs to be read again. */
  readonly stamp: Stamp
  readonly name: string
  readonly baseModelName: string | null
  readonly useRslora: boolean
  readonly sizeBytes: number
  readonly licence: string | null
  /** Tags of the model card, as plain text; they are not the library's own. */
  readonly cardTags: readonly string[]
  readonly variant: AdapterVariant
  /** Norms are null: they come with the checks. */
  readonly modules: readonly AdapterModule[]
  readonly ignoredTensors: readonly IgnoredTensor[]
  /** Canonical JSON of the config, null when it cannot be read. */
  readonly config: string | null
  /** An error among them means that the adapter is refused. */
  readonly problems: readonly Problem[]
  readonly screens: ScreenResults
}
