import { describe, expect, test } from 'vitest'
import { formatBytes } from '../../../src-renderer/format/bytes.ts'
import { formatAgo, formatDate, formatDateTime } from '../../../src-renderer/format/dates.ts'
import { formatDuration, formatEta, formatRate } from '../../../src-renderer/format/durations.ts'
import { importReasons, importResultWords, importScreenWords } from '../../../src-renderer/format/import-words.ts'
import {
  formatCount,
  formatExact,
  formatNorm,
  formatNumber,
  formatPercent,
  formatRange,
  formatSigned,
  formatValues,
} from '../../../src-renderer/format/numbers.ts'
import { ariaKeys, lastPart, listWords, plural, shortHash, shortPath } from '../../../src-renderer/format/words.ts'

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9_994, '9.99 kB'],
    [9_995, '10.0 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [1_200_000, '1.20 MB'],
    [4.2e12, '4.20 TB'],
    [5e15, '5000 TB'],
    [-1, 'unknown'],
    [NaN, 'unknown'],
  ])('%d is %s', (sizeBytes, text) => expect(formatBytes(sizeBytes)).toBe(text))
})

describe('numbers', () => {
  test.each([
    [0, '0'],
    [1234567, '1,234,567'],
    [-20000, '−20,000'],
    [999, '999'],
  ])('count %d is %s', (count, text) => expect(formatCount(count)).toBe(text))

  test.each([
    [0, '0'],
    [4.6, '4.60'],
    [0.01234, '0.0123'],
    [0.00012, '0.000120'],
    [0.00001, '1.00e−5'],
    [9.999, '10.0'],
    [999.6, '1,000'],
    [12345, '12,345'],
    [163406, '1.63e5'],
    [-4.6, '−4.60'],
    [NaN, 'not a number'],
    [-Infinity, '−infinite'],
  ])('number %d is %s', (value, text) => expect(formatNumber(value)).toBe(text))

  test.each([
    [0.978, '97.8 %'],
    [1, '100 %'],
    [0, '0 %'],
    [0.99999, '> 99.9 %'],
    [0.00001, '< 0.1 %'],
    [-0.25, '−25.0 %'],
    [NaN, 'unknown'],
  ])('share %d is %s', (share, text) => expect(formatPercent(share)).toBe(text))

  test('exact values carry no padding', () => {
    expect([2, 0.5, 11.3137084, -0.7, 0].map(formatExact)).toEqual(['2', '0.5', '11.313708', '−0.7', '0'])
  })
  test('signs are always written, but not on zero', () => {
    expect([0.123, -0.4, -0.0001].map((value) => formatSigned(value))).toEqual(['+0.12', '−0.40', '0.00'])
  })
  test('an unknown norm is a dash', () => {
    expect([formatNorm(null), formatNorm(4.6231)]).toEqual(['–', '4.62'])
  })
  test('many values become a range', () => {
    expect([[], [8], [4, 8], [4, 8, 16, 32]].map((values) => formatValues(values))).toEqual(['–', '8', '4, 8', '4 to 32'])
    expect([[], [8], [4, 8]].map(formatRange)).toEqual(['–', '8', '4–8'])
  })
})

describe('time', () => {
  test.each([
    [0.42, '0.4 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [65, '1 min 05 s'],
    [7805, '2 h 10 min'],
    [7199, '2 h 00 min'],
    [-1, 'unknown'],
  ])('%d seconds is %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text))

  test.each([
    [null, ''],
    [2, 'a few seconds left'],
    [12, 'about 15 s left'],
    [95, 'about 2 min left'],
    [5400, 'about 1.5 h left'],
  ])('an ETA of %s is "%s"', (seconds, text) => expect(formatEta(seconds)).toBe(text))

  test('rates name their unit, and an unknown rate is silent', () => {
    expect([formatRate(12e6, 'bytes'), formatRate(340.2, 'modules'), formatRate(1.25, 'modules'), formatRate(0, 'bytes')]).toEqual([
      '12.0 MB/s',
      '340 modules/s',
      '1.3 modules/s',
      '',
    ])
  })
  test('dates are local, and what is none is a dash', () => {
    const local = new Date(2026, 10, 21, 14, 5).toISOString()
    expect([formatDate(local), formatDateTime(local), formatDate(null), formatDate('soon')]).toEqual([
      '21 Nov 2026',
      '21 Nov 2026, 14:05',
      '–',
      '–',
    ])
  })
  test('ago is coarse', () => {
    const now = new Date(2026, 10, 21, 14, 5)
    const before = (seconds: number): string => formatAgo(new Date(now.getTime() - seconds * 1000).toISOString(), now)
    expect([before(10), before(600), before(7300), before(200_000)]).toEqual(['just now', '10 min ago', '2 h ago', '19 Nov 2026'])
  })
})

describe('words', () => {
  test('plurals', () => {
    expect([plural(1, 'adapter'), plural(20000, 'adapter'), plural(0, 'copy', 'copies')]).toEqual([
      '1 adapter',
      '20,000 adapters',
      '0 copies',
    ])
  })
  test('lists', () => {
    expect([listWords([]), listWords(['a']), listWords(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c'])
  })
  test('paths and hashes are shortened from the right end', () => {
    expect([lastPart('/a/b/c/'), lastPart('C:\\pool\\x'), lastPart('x')]).toEqual(['c', 'x', 'x'])
    expect([shortPath('/a/b/c/d'), shortPath('/a/b')]).toEqual(['…/c/d', '/a/b'])
    expect([shortHash('0123456789abcdef'), shortHash(null), shortHash('0123456789', 4)]).toEqual(['0123456789ab', '–', '0123'])
  })
  test('shortcuts in the words of ARIA', () => {
    expect(['Ctrl+K', 'Del', 'Ctrl+Shift+Z', '⌘K', 'F5', '', undefined].map(ariaKeys)).toEqual([
      'Control+K',
      'Delete',
      'Control+Shift+Z',
      'Meta+K',
      'F5',
      undefined,
      undefined,
    ])
  })
  test('an import is told by its counts', () => {
    const counts = {
      imported: 11,
      duplicate: 1,
      refused: 7,
      pending: 0,
      byReason: { 'tensor-missing': 1, 'not-finite': 6 },
      byScreen: { 'no-bias': 1, 'norm-in-range': 2, finite: 0 },
    }
    expect(importResultWords(counts)).toBe('11 imported, 1 already in the library, 7 refused')
    expect(importResultWords({ ...counts, imported: 0, duplicate: 0, refused: 0 })).toBe('nothing was found')
    expect(importReasons(counts).map(({ title, count }) => `${title} ${count}`)).toEqual([
      'Values are not finite 6',
      'A factor is missing 1',
    ])
    expect(importScreenWords(counts)).toBe('2 not “The norm of the update is greater than 1 and at most 1000”, 1 not “Bias is "none"”')
  })
})
