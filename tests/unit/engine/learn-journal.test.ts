import { expect, test } from 'vitest'
import { readLearnLines } from '../../../src-main/engine/learn-journal.ts'

const spent = { seconds: 1.5, tokens: 300 }
const begin = { step: 0, validationLoss: 2.25, ...spent }
const step = { step: 1, trainLoss: 2.5, rate: 0.005, gradientNorm: 0.75, ...spent }
const broken = { step: 2, trainLoss: null, rate: 0.01, gradientNorm: null, ...spent }
const text = (lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

test('both kinds of line are read as what they are', () => {
  expect(readLearnLines(text([begin, step, broken]))).toEqual([begin, step, broken])
  expect(readLearnLines('')).toEqual([])
})

test('a last line that was torn is left out, wherever it was torn', () => {
  const whole = text([begin, step])
  for (let length = text([begin]).length; length < whole.length; length++) {
    expect(readLearnLines(whole.slice(0, length))).toEqual([begin])
  }
})

test('any other line that the core does not write is thrown with its number', () => {
  expect(() => readLearnLines(text([begin, { ...step, step: 0 }]))).toThrow("line 2 of the learning job's journal")
  expect(() => readLearnLines(text([{ step: 1, ...spent }]))).toThrow('line 1')
  expect(() => readLearnLines(`{"step":0,\n${text([step])}`)).toThrow('line 1')
})
