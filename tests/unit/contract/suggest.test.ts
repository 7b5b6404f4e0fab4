import { expect, test } from 'vitest'
import { didYouMean, suggest } from '../../../src-main/contract/suggest.ts'

const names = ['coefficient', 'adapter', 'params', 'peft_linear', 'linear']

test.each([
  ['cofficient', 'coefficient'],
  ['coefficeint', 'coefficient'],
  ['Adaptor', 'adapter'],
  ['peft-linear', 'peft_linear'],
  ['PEFT linear', 'peft_linear'],
  ['lienar', 'linear'],
  ['parms', 'params'],
])('%s was probably %s', (word, meant) => {
  expect(suggest(word, names)).toBe(meant)
})

test.each(['', 'x', 'zebra', 'qqqqqq'])('%j is near nothing', (word) => {
  expect(suggest(word, names)).toBeUndefined()
})

test('as a hint, with the list', () => {
  expect(didYouMean('liner', ['linear', 'concat'])).toBe('Did you mean "linear"? Allowed: linear, concat.')
  expect(didYouMean('zebra', ['linear', 'concat'])).toBe('Allowed: linear, concat.')
})
