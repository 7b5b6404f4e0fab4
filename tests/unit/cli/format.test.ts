import { expect, test } from 'vitest'
import { formatBytes, formatNumber, formatProblem, formatTable } from '../../../src-main/command-line/format.ts'
import { createProgressLine } from '../../../src-main/command-line/progress-line.ts'
import { errorProblem } from '../../../src-main/contract/problems.ts'

test('columns are aligned, the last one not padded', () => {
  expect(
    formatTable(
      [
        ['NAME', 'RANK', 'ID'],
        ['a', '16', 'x'],
        ['longer', '4', ''],
      ],
      [1],
    ),
  ).toEqual(['NAME    RANK  ID', 'a         16  x', 'longer     4'])
  expect(formatTable([])).toEqual([])
})

test('a problem says what, where and what to do', () => {
  const problem = errorProblem('coefficient-invalid', 'The coefficient is NaN.', {
    where: { field: 'adapters[0].coefficient', value: 'NaN' },
    allowed: ['a finite number'],
    hint: 'Use a finite number.',
  })
  expect(formatProblem(problem)).toEqual([
    'error: Coefficient is not valid (coefficient-invalid): The coefficient is NaN.',
    '  at adapters[0].coefficient, value NaN',
    '  Use a finite number.',
  ])
  expect(formatProblem(errorProblem('request-invalid', 'No.', { allowed: ['a', 'b'] }))).toEqual([
    'error: Request is not valid (request-invalid): No.',
    '  Allowed: a, b.',
  ])
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [12_345, '12.3 kB'],
  [999_600, '1.00 MB'],
  [123_456_789, '123 MB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test('numbers have four significant digits', () => {
  expect([formatNumber(12.34567), formatNumber(1), formatNumber(0.000123456), formatNumber(null)]).toEqual(['12.35', '1', '0.0001235', '-'])
})

test('progress is replaced on a screen and thinned out in a file', () => {
  let written = ''
  let time = 10_000
  const line = createProgressLine(
    (text) => (written += text),
    false,
    () => time,
  )
  line.show('one')
  line.show('two')
  time += 2_000
  line.show('three')
  line.clear()
  expect(written).toBe('one\nthree\n')
  written = ''
  const screen = createProgressLine((text) => (written += text), true)
  screen.show('one')
  screen.clear()
  screen.clear()
  expect(written).toBe('\r\x1b[2Kone\r\x1b[2K')
})
