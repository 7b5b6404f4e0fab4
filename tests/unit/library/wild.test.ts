import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { ImportReport } from '../../../src-main/contract/import-report.ts'
import { loadBinding } from '../../../src-main/engine/binding.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { createImporter } from '../../../src-main/library/importer.ts'
import type { Inspect } from '../../../src-main/library/inspection.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { makeWild, wildNames, wildSeed, wildSource } from '../../fixtures/make-wild.ts'
import { demoAdapters as kit } from '../../helpers/demo.ts'
import { inspectInTypeScript } from '../../helpers/inspect.ts'
import { codes, queryOf } from './support.ts'

// Checks of a whole pool take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** Name -> status, variant and problem codes after the kit has been imported (the table of bad input). */
const expected: Readonly<Record<string, readonly [string, string, readonly string[]]>> = {
  'bf16-copy': ['imported', 'plain', []],
  'config-is-not-json': ['refused', 'other', ['config-not-json']],
  'config-rank-disagrees': ['refused', 'plain', ['rank-mismatch']],
  dora: ['imported', 'dora', ['variant-not-plain', 'same-weights']],
  'duplicate-of-sentiment-r16': ['duplicate', 'plain', ['duplicate']],
  'has-nan': ['refused', 'plain', ['not-finite']],
  'header-too-long': ['refused', 'other', ['header-too-long']],
  'huge-update': ['imported', 'plain', ['norm-too-large']],
  'lori-s-like': ['imported', 'lori-s', []],
  'missing-b-factor': ['refused', 'plain', ['tensor-missing']],
  'modules-to-save': ['imported', 'extras', ['tensor-ignored', 'same-weights']],
  'other-base-name': ['imported', 'plain', ['same-weights', 'base-name-differs']],
  'pickle-only': ['refused', 'other', ['pickle-not-opened']],
  'random-parameters': ['imported', 'plain', []],
  'same-weights-other-config': ['imported', 'plain', ['same-weights']],
  'truncated-file': ['refused', 'other', ['tensor-offsets-invalid']],
  'unknown-tensor': ['imported', 'extras', ['tensor-ignored', 'same-weights']],
  'wrong-base-shape': ['imported', 'plain', ['shapes-inconsistent']],
  'zero-update': ['imported', 'plain', ['norm-too-small']],
}

const native = loadBinding()
const engine = createEngine({ threads: 1 })
const inspections: readonly (readonly [string, Inspect, boolean])[] = [
  ['the plain inspection of the tests', inspectInTypeScript, true],
  [
    native.binding ? 'the native core' : `the native core (skipped: ${native.reason})`,
    (request, signal) => engine.inspect(request, signal),
    native.binding !== null,
  ],
]

const scratch = mkdtempSync(join(tmpdir(), 'amalgam-wild-'))
makeWild(wildSource, join(scratch, 'made'), wildSeed)
/** The made ones, and during development those that PyTorch made. */
const wilds = [
  ['made from the kit', join(scratch, 'made')],
  ...(process.env['AMALGAM_WILD'] ? [['of AMALGAM_WILD', process.env['AMALGAM_WILD']]] : []),
]
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test('every kind of wild adapter has its expectation', () => {
  expect(Object.keys(expected).sort()).toEqual([...wildNames].sort())
})

for (const [how, inspect, can] of inspections) {
  for (const [which, wild] of wilds) {
    describe.skipIf(!can)(`with ${how}, wild adapters ${which}`, () => {
      let library: Library
      let first: ImportReport
      let report: ImportReport
      let again: ImportReport
      beforeAll(async () => {
        library = openLibrary({ folder: mkdtempSync(join(scratch, 'library-')), log: silentLog })
        const importer = createImporter({ library, inspect, emitChanged: () => undefined, emitProgress: () => undefined, log: silentLog })
        const take = async (path: string) => importer.finished(importer.start([path]).id ?? '')
        first = await take(kit)
        report = await take(wild!)
        again = await take(wild!)
        await importer.close()
        return () => library.close()
      }, 60_000)

      test('the kit comes in whole and plain', () => {
        expect(first.counts).toEqual({ imported: 19, duplicate: 0, refused: 0, pending: 0, byReason: {}, byScreen: { 'no-patterns': 1 } })
        expect(first.items.filter((item) => item.variant !== 'plain' || item.problems.length > 0)).toEqual([])
      })

      test('after it, 11 come in, 1 is a duplicate and 7 are refused, each for its reason', () => {
        expect(report.counts).toEqual({
          ...{ imported: 11, duplicate: 1, refused: 7, pending: 0 },
          byReason: {
            ...{ 'config-not-json': 1, 'header-too-long': 1, 'not-finite': 1, 'pickle-not-opened': 1 },
            ...{ 'rank-mismatch': 1, 'tensor-missing': 1, 'tensor-offsets-invalid': 1 },
          },
          byScreen: { 'no-modules-to-save': 1, 'no-variant-switch': 1, 'norm-in-range': 2 },
        })
        const found = Object.fromEntries(
          report.items.map(({ path, status, variant, problems }) => [path.split('/').at(-1), [status, variant, codes(problems)]]),
        )
        expect(found).toEqual(expected)
      })

      test('every problem says where it lies and what to do', () => {
        const problems = report.items.flatMap((item) => item.problems)
        expect(problems.filter((problem) => !problem.hint || problem.message.length < 20 || !problem.where)).toEqual([])
      })

      test('refused ones are rows with their reason; the pickle was not opened', () => {
        const rows = library.adapters.list(queryOf({ filters: [{ facet: 'status', values: ['refused'] }] })).rows
        expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(expected).filter((name) => expected[name]?.[0] === 'refused').sort()) // prettier-ignore
        expect(rows.every((row) => row.problems[0]?.severity === 'error')).toBe(true)
        expect(rows.find((row) => row.name === 'header-too-long')?.sizeBytes).toBe(10)
        expect(existsSync(join(wild!, 'pickle-only/adapter_model.bin'))).toBe(true)
      })

      test('the duplicate is another place of the first', () => {
        const [row] = library.adapters.list(queryOf({ text: 'duplicate-of-sentiment' })).rows
        expect(row).toMatchObject({ name: 'sentiment-r16', paths: [join(kit, 'sentiment-r16'), join(wild!, 'duplicate-of-sentiment-r16')] })
      })

      test('has-nan names the tensor and the index', () => {
        const item = report.items.find(({ path }) => path.endsWith('has-nan'))
        expect(item?.problems[0]?.message).toMatch(/^Value 0 of base_model\.model\.model\.layers\.2\..*lora_B\.weight is NaN\.$/)
      })

      test('a second import changes nothing: 12 duplicates, 7 refused for the same reasons', () => {
        expect(again.counts).toMatchObject({ imported: 0, duplicate: 12, refused: 7, pending: 0, byReason: report.counts.byReason })
        expect(again.items.map((item) => item.id)).toEqual(report.items.map((item) => item.id))
        expect(library.adapters.facets().total).toBe(37)
      })

      test('norms agree with alpha over rank and its root', () => {
        const normOf = (name: string) =>
          library.adapters.list(queryOf({ text: name })).rows.find((row) => row.name === name)?.updateNorm ?? NaN
        expect(normOf('sentiment-r16')).toBeCloseTo(16.34058, 4)
        expect(normOf('sentiment-r8-rslora')).toBeCloseTo(16.60239, 4)
        expect(normOf('first-r8-patterns')).toBeCloseTo(10.35455, 4)
        expect(normOf('huge-update') / normOf('sentiment-r16')).toBeCloseTo(1e4, 0)
        expect(normOf('zero-update')).toBe(0)
      })
    })
  }
}
