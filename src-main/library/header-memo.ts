import type { Problem } from '../contract/problems.ts'
import type { HeaderTensor } from './parse-header.ts'

/** A header read before. */
interface Remembered {
  readonly json: Uint8Array
  readonly dataBytes: number
  readonly tensors: readonly HeaderTensor[]
}

/**
 * Remembers the last few headers and what followed from them. Adapters of one base model, rank and choice of modules have the same header to the
 * byte, and a pool holds many of them; comparing is a hundred times faster than reading. Belongs to one thread.
 */
export interface HeaderMemo {
  /** The tensors of a header: remembered, or read by `parse`. */
  tensors(json: Uint8Array, dataBytes: number, parse: () => readonly HeaderTensor[] | Problem): readonly HeaderTensor[] | Problem
  /** What `make` makes of `source` alone (and of what `key` spells); made once as long as `source` is remembered. */
  derived<T>(source: object, key: string, make: () => T): T
}

const rememberedHeaders = 8
/** Larger headers are not kept, in bytes. */
const largestKept = 1_000_000
/** Facts remembered of one source. */
const rememberedFacts = 64

/** Facts with longer keys are not remembered. */
const longestKey = 20_000

/** An empty memo. */
export function createHeaderMemo(): HeaderMemo {
  const headers: Remembered[] = []
  const facts = new WeakMap<object, Map<string, unknown>>()
  return {
    tensors(json, dataBytes, parse) {
      const known = headers.findIndex((header) => header.dataBytes === dataBytes && Buffer.compare(header.json, json) === 0)
      if (known >= 0) {
        const [header] = headers.splice(known, 1)
        headers.unshift(header!)
        return header!.tensors
      }
      const tensors = parse()
      if ('code' in tensors || json.length > largestKept) return tensors
      headers.unshift({ json: Uint8Array.from(json), dataBytes, tensors })
      headers.length = Math.min(headers.length, rememberedHeaders)
      return tensors
    },
    derived<T>(source: object, key: string, make: () => T): T {
      if (key.length > longestKey) return make()
      const known = facts.get(source) ?? new Map<string, unknown>()
      if (known.has(key)) return known.get(key) as T
      const made = make()
      if (known.size >= rememberedFacts) known.clear()
      facts.set(source, known.set(key, made))
      return made
    },
  }
}
