import type { BaseModel } from '../contract/base-model.ts'
import type { Problem } from '../contract/problems.ts'

/** A matrix of a base model that an adapter may target: y = W x with `in` columns and `out` rows. */
export interface BaseModule {
  readonly name: string
  readonly in: number
  readonly out: number
}

/** What config.json and the headers of the weights tell of a checkpoint (the native core's answer; native/eval/evaluate.h). */
export interface CheckpointFacts extends Pick<
  BaseModel,
  | 'family'
  | 'dtype'
  | 'parameters'
  | 'weightBytes'
  | 'vocabulary'
  | 'hidden'
  | 'intermediate'
  | 'layers'
  | 'heads'
  | 'kvHeads'
  | 'headDim'
  | 'maxPositions'
  | 'tied'
  | 'memory'
> {
  /** Weight files, absolute. */
  readonly files: readonly string[]
  readonly endTokens: readonly number[]
  readonly modules: readonly BaseModule[]
}

/** A base model as it is put down. facts null: it could not be read, and the problems say why. */
export interface NewBase {
  /** Real path of its folder. */
  readonly path: string
  readonly name: string
  /** Names, sizes and times of its files as one text: unchanged stamps mean unchanged files. */
  readonly stamp: string
  readonly facts: CheckpointFacts | null
  readonly template: BaseModel['template']
  /** An error among them refuses it. */
  readonly problems: readonly Problem[]
}

/** A row as the look for changed files needs it. */
export interface BasePlace {
  readonly id: string
  readonly path: string
  readonly status: BaseModel['status']
  readonly stamp: string
}

/** Adapters of the library that fit a base model, and the others with the reason in words. */
export interface BaseMatches {
  readonly fitting: readonly { readonly id: string; readonly name: string }[]
  readonly others: readonly { readonly id: string; readonly name: string; readonly reason: string }[]
}

/** The base models of the library. */
export interface BaseStore {
  /** In the order in which they were added. */
  list(): readonly BaseModel[]
  get(id: string): BaseModel | null
  /** What was read of its files; null for an unknown or unreadable one. */
  facts(id: string): CheckpointFacts | null
  /** The base model that a reference means (id, path of its folder, unique name): base-unknown, base-ambiguous. */
  find(reference: string, relativeTo?: string): { readonly id: string } | Problem
  /** Every row with its place. */
  places(): readonly BasePlace[]
  /** The row whose folder this is, a missing one only when no other is. */
  atPath(path: string): BasePlace | null
  /** A new row: checking until it is settled, or refused. */
  add(base: NewBase): { readonly id: string }
  /** Facts read anew, as `status` says; hash and results stay. */
  replace(id: string, base: NewBase, status: BaseModel['status']): void
  /**
   * Sets the hash of its content; it is usable from now on. Where another row has the same content they become one: the older one stays, at the newer
   * place when its own is missing. Answers with the id that stays.
   */
  settle(id: string, contentHash: string): { readonly id: string }
  /** It cannot be used, for these reasons. */
  refuse(id: string, problems: readonly Problem[]): void
  /** Its files are not where they were, or are there again. */
  setMissing(id: string, missing: boolean): void
  rename(id: string, name: string): readonly Problem[]
  /** Forgets it with its results; files are never touched. */
  remove(id: string): readonly Problem[]
  /** Looks at the target modules of adapters that came since; in slices. Counts and matches are complete after it. */
  readShapes(signal?: AbortSignal): Promise<void>
  matches(id: string): BaseMatches | Problem
}
