import { createHash } from 'node:crypto'
import type { ResolvedMergeJob } from '../contract/recipe.ts'

/** JSON with sorted keys and no white space: equal values give equal text. Numbers must be finite. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    entries.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${value} has no canonical JSON`)
  return JSON.stringify(value)
}

/** SHA-256 (hex) of the resolved job without the places where files lie; the same fingerprint on the same device means the same bytes. */
export function fingerprintOf(job: ResolvedMergeJob): string {
  const adapters = job.adapters.map(({ weightsFile: _place, ...source }) => source)
  return createHash('sha256')
    .update(canonicalJson({ ...job, adapters }))
    .digest('hex')
}
