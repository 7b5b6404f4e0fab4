import { createHash } from 'node:crypto'
import type { ResolvedMergeJob } from '../contract/recipe.ts'
import { canonicalJson } from '../platform/canonical-json.ts'

/**
 * SHA-256 (hex) of the resolved job's canonical JSON, with each adapter known by its hashes alone: where its files lie, its id and its name in
 * this library do not change the result. The same fingerprint on the same device means the same bytes (docs/decisions/0003).
 */
export function fingerprintOf(job: ResolvedMergeJob): string {
  const adapters = job.adapters.map(({ contentHash, tensorHash, params }) => ({ contentHash, tensorHash, params }))
  return createHash('sha256')
    .update(canonicalJson({ ...job, adapters }))
    .digest('hex')
}
