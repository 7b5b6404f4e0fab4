import { createRequire } from 'node:module'

/** The kinds of job that the native core runs. */
export type NativeJobKind =
  | 'merge'
  | 'preview'
  | 'inspect'
  | 'compare'
  | 'evaluate'
  | 'checkpoint'
  | 'learn'
  | 'gradients'
  | 'sparse-mask'
  | 'similarity'
  | 'matched-random'

/** One job off-thread: JSON comes back when it is done; `cancel` makes the promise reject with code "cancelled" within 200 ms. */
export interface NativeJob {
  readonly promise: Promise<string>
  cancel(): void
}

/** What the addon exports. JSON in, JSON out; tensors never cross. */
export interface NativeBinding {
  devices(): string
  startJob(kind: NativeJobKind, requestJson: string, onProgress: (progressJson: string) => void): NativeJob
}

/** The addon, or in plain words why it cannot be had. */
export type LoadedBinding = { readonly binding: NativeBinding; readonly reason: '' } | { readonly binding: null; readonly reason: string }

/** Loads the addon of the native workspace. Never throws: a core that is not built is an expected state. */
export function loadBinding(): LoadedBinding {
  try {
    return { binding: createRequire(import.meta.url)('@amalgam/native') as NativeBinding, reason: '' }
  } catch (error) {
    return { binding: null, reason: reasonOf(error) }
  }
}

/** The workspace's loader throws an Error with `reason` (what the build recorded); any other failure to load says so itself. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string') return error.reason
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
