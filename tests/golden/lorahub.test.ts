/**
 * LoraHub against values that reference/make_lorahub.py computed in float64 on dictionaries of tensors, as its release does: equal and unlike ranks,
 * missing modules, scalings, a common sign. The whole update is compared.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEngine } from '../../src-main/engine/engine.ts'
import { distanceTo, recordedJob, type RecordedSources, type Rows } from '../helpers/merge-record.ts'
import { readSafetensors } from '../helpers/safetensors.ts'

interface LorahubCase extends RecordedSources {
  readonly name: string
  readonly expected: Readonly<Record<string, { readonly rank: number; readonly update: Rows }>>
}
const record = JSON.parse(readFileSync(join(import.meta.dirname, 'reference/lorahub.json'), 'utf8')) as {
  readonly shapes: Readonly<Record<string, readonly [number, number]>>
  readonly cases: readonly LorahubCase[]
}


let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-lorahub-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

function jobOf(reference: LorahubCase) {
  return recordedJob(
    scratch,
    reference,
    { method: 'lorahub', params: {} },
    Object.entries(reference.expected).map(([name, { rank }]) => ({ name, shape: record.shapes[name]!, rank })),
  )
}

describe('lorahub agrees with the reference', () => {
  const engine = createEngine({ threads: 2 })

  for (const reference of record.cases) {
    test(reference.name, async () => {
      const outFile = join(scratch, 'merged.safetensors')
      const outcome = await engine.merge(jobOf(reference), outFile, {})
      const written = readSafetensors(outFile)
      for (const [module, { update }] of Object.entries(reference.expected)) {
        const { difference, norm } = distanceTo(update, written, module)
        expect(norm, module).toBeGreaterThan(0.1)
        expect(difference, module).toBeLessThanOrEqual(1e-6 * norm)
        const row = outcome.modules.find(({ name }) => name === module)!
        expect(Math.abs(row.norm - norm), module).toBeLessThanOrEqual(1e-6 * norm)
        expect(row.discardedEnergy).toBe(0)
      }
    })
  }

  test('a common sign of all coefficients changes nothing', () => {
    const [one, other] = ['unlike ranks, missing modules, unlike scalings, one negative', 'a common sign changes nothing'].map((name) => record.cases.find((reference) => reference.name === name)!) // prettier-ignore
    expect(other!.coefficients).toEqual(one!.coefficients.map((coefficient) => -coefficient))
    expect(other!.expected).toEqual(one!.expected)
  })
})
