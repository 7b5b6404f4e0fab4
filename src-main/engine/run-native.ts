import * as v from 'valibot'
import type { NativeBinding, NativeJob, NativeJobKind } from './binding.ts'
import { cancelledRefusal, refusalOf } from './native-errors.ts'
import { nativeProgressSchema, type NativeProgress } from './replies.ts'

/** What a caller gives a native job besides its request. */
export interface NativeRun {
  readonly onProgress?: (progress: NativeProgress) => void
  readonly signal?: AbortSignal
}

/**
 * Runs one native job and returns its reply, checked by `schema`. An abort of `signal` cancels it: the promise then rejects with a
 * Refusal of code "cancelled". Native errors with a known code become Refusals; a reply or a progress of the wrong shape is thrown as an Error.
 */
export async function runNative<S extends v.GenericSchema>(
  binding: NativeBinding,
  kind: NativeJobKind,
  request: unknown,
  schema: S,
  { onProgress, signal }: NativeRun,
): Promise<v.InferOutput<S>> {
  if (signal?.aborted) throw cancelledRefusal()
  let job: NativeJob | undefined
  let fault: unknown
  const cancel = () => job?.cancel()
  const report = (text: string) => {
    try {
      onProgress?.(parseReply(nativeProgressSchema, text, `progress of ${kind}`))
    } catch (error) {
      // Thrown here it would be lost inside the addon: stop the job, and throw when it has ended.
      fault ??= error
      cancel()
    }
  }
  try {
    job = binding.startJob(kind, JSON.stringify(request), report)
    signal?.addEventListener('abort', cancel, { once: true })
    const reply = await job.promise
    if (fault !== undefined) throw fault
    return parseReply(schema, reply, `result of ${kind}`)
  } catch (error) {
    throw fault ?? refusalOf(error)
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

/** JSON text of the addon as a checked value; throws an Error that names the field when it is not what the binding promises. */
export function parseReply<S extends v.GenericSchema>(schema: S, text: string, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, JSON.parse(text))
  if (result.success) return result.output
  const issue = result.issues[0]
  throw new Error(`the native core's ${what} is not valid at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}`)
}
