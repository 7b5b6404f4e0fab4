import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { ResolvedMergeJob } from '../../../src-main/contract/recipe.ts'
import { canonicalJson } from '../../../src-main/platform/canonical-json.ts'
import { fingerprintOf } from '../../../src-main/recipes/fingerprint.ts'

const job: ResolvedMergeJob = {
  schema: 1,
  kind: 'merge',
  method: 'linear',
  params: {},
  adapters: [{ id: 'x', name: 'x', contentHash: 'c', tensorHash: 't', weightsFile: '/one/place', params: {} }],
  modules: [
    {
      name: 'q',
      in: 2,
      out: 3,
      rank: 1,
      outputA: 'A',
      outputB: 'B',
      sources: [{ adapter: 0, a: 'a', b: 'b', rank: 1, scaling: 0.5, coefficient: -1 }],
    },
  ],
  output: { dtype: 'float32', rank: 1 },
  seed: 1,
  device: 'cpu',
}

test('canonical JSON sorts keys at every depth and has no white space', () => {
  expect(canonicalJson({ b: [1, { z: null, a: 'é"' }], a: 0.1, c: undefined })).toBe('{"a":0.1,"b":[1,{"a":"é\\"","z":null}]}')
  expect(canonicalJson(-0)).toBe('0')
  expect(() => canonicalJson({ a: NaN })).toThrow('NaN has no canonical JSON')
})

test('the fingerprint is the SHA-256 of the canonical job without places, ids and names', () => {
  const text =
    '{"adapters":[{"contentHash":"c","params":{},"tensorHash":"t"}],"device":"cpu","kind":"merge","method":"linear",' +
    '"modules":[{"in":2,"name":"q","out":3,"outputA":"A","outputB":"B","rank":1,' +
    '"sources":[{"a":"a","adapter":0,"b":"b","coefficient":-1,"rank":1,"scaling":0.5}]}],' +
    '"output":{"dtype":"float32","rank":1},"params":{},"schema":1,"seed":1}'
  expect(fingerprintOf(job)).toBe(createHash('sha256').update(text).digest('hex'))
})

test('moving or renaming an adapter leaves it, anything else changes it', () => {
  const moved = { ...job, adapters: [{ ...job.adapters[0]!, weightsFile: '/other', id: 'other', name: 'other' }] }
  expect(fingerprintOf(moved)).toBe(fingerprintOf(job))
  const others = [
    { ...job, seed: 2 },
    { ...job, method: 'concat' },
    { ...job, output: { ...job.output, rank: 2 } },
    { ...job, adapters: [{ ...job.adapters[0]!, contentHash: 'd' }] },
    { ...job, modules: [{ ...job.modules[0]!, sources: [{ ...job.modules[0]!.sources[0]!, coefficient: 1 }] }] },
  ]
  expect(new Set([job, ...others].map(fingerprintOf)).size).toBe(6)
})
