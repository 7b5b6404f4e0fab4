/**
 * TIES against values that reference/make_ties.py computed in float64 from the rules alone: both variants, unlike ranks, missing modules, equal
 * magnitudes at the threshold, sums of exactly zero. The whole update is compared, written at full rank.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEngine } from '../../src-main/engine/engine.ts'
import { distanceTo, recordedJob, type RecordedSources, type Rows } from '../helpers/merge-record.ts'
import { readSafetensors } from '../helpers/safetensors.ts'

interface TiesCase extends RecordedSources {
  readonly name: string
  readonly variant: 'paper' | 'count'
  readonly density: number
  /** Sign of the sum of all elected signs, where the variant asks for it. */
  readonly ballot: number | null
  /** Entries whose kept values add up to zero. */
  readonly drawn: number
  readonly expected: Readonly<Record<string, Rows>>
}
const record = JSON.parse(readFileSync(join(import.meta.dirname, 'reference/ties.json'), 'utf8')) as {
  readonly shapes: Readonly<Record<string, readonly [number, number]>>
  readonly cases: readonly TiesCase[]
}


let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-ties-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

function jobOf(reference: TiesCase) {
  return recordedJob(
    scratch,
    reference,
    { method: 'ties', params: { density: reference.density, variant: reference.variant } },
    Object.entries(record.shapes).map(([name, shape]) => ({ name, shape, rank: Math.min(...shape) })),
  )
}

describe('ties agrees with the reference', () => {
  const engine = createEngine({ threads: 2 })

  test('the cases hold draws that plus, minus and nobody wins, and draws of variant count', () => {
    const drawn = record.cases.filter((reference) => reference.drawn > 0)
    expect(new Set(drawn.map(({ ballot }) => ballot))).toEqual(new Set([-1, 0, 1, null]))
  })

  for (const reference of record.cases) {
    test(`${reference.variant}: ${reference.name}`, async () => {
      const outFile = join(scratch, 'merged.safetensors')
      const outcome = await engine.merge(jobOf(reference), outFile, {})
      const written = readSafetensors(outFile)
      for (const [module, expected] of Object.entries(reference.expected)) {
        const { difference, norm } = distanceTo(expected, written, module)
        expect(difference, module).toBeLessThanOrEqual(1e-6 * norm)
        const row = outcome.modules.find(({ name }) => name === module)!
        expect(Math.abs(row.norm - norm), module).toBeLessThanOrEqual(1e-6 * norm)
        expect(row.discardedEnergy).toBe(0)
      }
    })
  }
})
