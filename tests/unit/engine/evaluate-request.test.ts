import { expect, test } from 'vitest'
import { readEvaluateLines } from '../../../src-main/engine/evaluate-request.ts'

const generated = { subject: 0, item: 2, seconds: 0.5, tokens: [4, 5], ended: true, logProbability: -1.25 }
const choices = { subject: 1, item: 0, seconds: 0.25, logProbabilities: [-1, -2.5] }
const loss = { subject: 1, item: 1, seconds: 0, logProbability: -7, count: 3 }
const failed = { subject: 2, item: 1, problem: 'logits-not-finite', message: 'The logits of x (adapter a) are not finite.' }
const text = (lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

test('every kind of line is read as what it is', () => {
  expect(readEvaluateLines(text([generated, choices, loss, failed]))).toEqual([generated, choices, loss, failed])
  expect(readEvaluateLines('')).toEqual([])
})

test('a last line that was torn is left out, wherever it was torn', () => {
  const whole = text([generated, loss])
  for (let length = text([generated]).length; length < whole.length; length++) {
    expect(readEvaluateLines(whole.slice(0, length))).toEqual([generated])
  }
  expect(readEvaluateLines(whole)).toEqual([generated, loss])
})

test('any other line that the core does not write is thrown with its number', () => {
  expect(() => readEvaluateLines(`${text([loss])}{"subject":1,"it\n${text([loss])}`)).toThrow('line 2 of the evaluation')
  expect(() => readEvaluateLines(text([{ ...loss, count: -1 }]))).toThrow('line 1')
  expect(() => readEvaluateLines(text([{ subject: 0, item: 1, seconds: 1 }]))).toThrow('line 1')
  expect(() => readEvaluateLines('\n')).toThrow('line 1')
})
