import { pairFactors, type PairedFactors } from './pair-factors.ts'
import type { HeaderTensor } from './parse-header.ts'
import type { Problem } from '../contract/problems.ts'

/** A header read before: its tensors, and its factors once they were paired. */
interface Remembered {
  readonly json: Uint8Array
  readonly dataBytes: number
  readonly tensors: readonly HeaderTensor[]
}

/**
 * Remembers the last few headers. Adapters of one base model, rank and choice of modules have the same header to the byte, and a pool holds
 * many of them; comparing is a hundred times faster than reading. Belongs to one thread.
 */
export interface HeaderMemo {
  /** The tensors of a header: remembered, or read by `parse`. */
  tensors(json: Uint8Array, dataBytes: number, parse: () => readonly HeaderTensor[] | Problem): readonly HeaderTensor[] | Problem
  /** The factors among tensors that came from here. */
  pairs(tensors: readonly HeaderTensor[]): PairedFactors
}

const rememberedHeaders = 8
/** Larger headers are not kept, in bytes. */
const largestKept = 1_000_000

/** An empty memo. */
export function createHeaderMemo(): HeaderMemo {
  const headers: Remembered[] = []
  const paired = new WeakMap<readonly HeaderTensor[], PairedFactors>()
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
    pairs(tensors) {
      const known = paired.get(tensors)
      if (known) return known
      const factors = pairFactors(tensors, false)
      paired.set(tensors, factors)
      return factors
    },
  }
}
