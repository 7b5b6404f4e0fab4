import type { Problem } from '../contract/problems.ts'
import type { HashedPart } from './hash-file.ts'
import type { Listing } from './listing.ts'
import type { Stamp } from './read-file.ts'
import type { ScanEvent } from './scan-folders.ts'

/** A folder to read; with `known`, nothing is read when its files still have that stamp. */
export interface ReadRequest {
  readonly folder: string
  readonly known: Stamp | null
}

/** What became of one folder; `failed` is for what should not happen, so that one bad folder never costs the others. */
export type ReadResult =
  | { readonly kind: 'unchanged'; readonly folder: string; readonly stamp: Stamp }
  | { readonly kind: 'listing'; readonly folder: string; readonly listing: Listing }
  | { readonly kind: 'failed'; readonly folder: string; readonly reason: string }

/** Every task of the reading workers: what goes in, what comes while it runs, what comes at its end. */
export interface Tasks {
  readonly scan: { readonly input: readonly string[]; readonly part: readonly ScanEvent[]; readonly output: null }
  readonly read: { readonly input: readonly ReadRequest[]; readonly part: never; readonly output: readonly ReadResult[] }
  /** null: stopped. */
  readonly hash: {
    readonly input: { readonly path: string; readonly stamp: Stamp; readonly part: HashedPart }
    readonly part: never
    readonly output: string | Problem | null
  }
  /** Writes the journal of a database back into it. */
  readonly writeBack: { readonly input: string; readonly part: never; readonly output: null }
  /** Stamps as they are now; null where a place no longer holds an adapter. */
  readonly stamp: { readonly input: readonly string[]; readonly part: never; readonly output: readonly (Stamp | null)[] }
}
export type TaskKind = keyof Tasks

/** To a worker. `stop` is one byte that turns 1 when the task is not wanted any more. */
export interface TaskMessage<K extends TaskKind = TaskKind> {
  readonly task: number
  readonly kind: K
  readonly input: Tasks[K]['input']
  readonly stop: SharedArrayBuffer
}

/** From a worker. */
export type TaskReply =
  | { readonly task: number; readonly part: unknown }
  | { readonly task: number; readonly output: unknown }
  | { readonly task: number; readonly error: string }
