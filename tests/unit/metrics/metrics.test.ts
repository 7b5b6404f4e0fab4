import { expect, test } from 'vitest'
import { metricIds, metrics } from '../../../src-main/contract/metrics.ts'
import { measure, predictionOf, type Answer } from '../../../src-main/metrics/index.ts'

const generated = (text: string, expected: string): Answer => ({ kind: 'generate', text, expected, logLikelihood: -1.5 })
const valueOf = (metric: (typeof metricIds)[number], text: string, expected: string) => measure(metric, generated(text, expected)).value

test('every metric measures the kind of answer it asks for, and refuses others', () => {
  const answers: Record<Answer['kind'], Answer> = {
    generate: generated('x', 'x'),
    choices: { kind: 'choices', labels: ['x', 'y'], logLikelihoods: [-1, -2], tokens: [1, 1], expected: 'x' },
    loss: { kind: 'loss', logLikelihood: -2, tokens: 1, expected: 'x' },
  }
  for (const { id, asks } of metrics) {
    for (const kind of ['generate', 'choices', 'loss'] as const) {
      if (kind === asks) expect(measure(id, answers[kind]).value).toBe(id === 'mean_loss' ? 2 : 1)
      else expect(() => measure(id, answers[kind])).toThrow(`needs an answer of the kind "${asks}", and got "${kind}"`)
    }
  }
})

test.each([
  ['yes', 'yes'],
  ['  yes\n', 'yes'],
  ['Think first. #### 12', '12'],
  ['#### 1 #### 2 ', '2'],
  ['####', ''],
  ['', ''],
])('the prediction in %j is %j', (text, prediction) => {
  expect(predictionOf(text)).toBe(prediction)
})

test.each([
  ['Positive', 'positive', 1],
  [' new  york.\n', 'New York', 1],
  ['yes .', 'yes', 1],
  ['yes..', 'yes', 0],
  ['yes..', 'yes.', 0],
  ['.', '', 1],
  ['3.5', '3.5.', 1],
  ['so it is 3 #### 4', 'work #### 4', 1],
  ['new\tyork', 'newyork', 0],
  ['İstanbul', 'İSTANBUL', 1],
  ['positive because', 'positive', 0],
])('exact match of %j with %j is %d', (text, expected, value) => {
  expect(measure('exact_match', generated(text, expected))).toMatchObject({ value, correct: value === 1, weight: 1, logLikelihood: -1.5 })
})

test('the prediction is kept as it was written', () => {
  expect(measure('exact_match', generated('Well #### New York.', 'newyork'))).toMatchObject({ prediction: 'New York.', correct: true })
})

test.each([
  // Precision 3/3, recall 3/4.
  ['the cat sat on', 'A cat sat on mats', 6 / 7],
  ['The Denver Broncos!', 'denver broncos', 1],
  ['Denver', 'Denver Broncos', 2 / 3],
  ['yes yes', 'yes', 2 / 3],
  ["it's", 'its', 1],
  ['Carolina', 'Denver', 0],
  ['the', 'a', 1],
  ['', 'a', 1],
  ['', 'word', 0],
  ['über', 'Über', 1],
])('token F1 of %j with %j is %d', (text, expected, value) => {
  expect(valueOf('token_f1', text, expected)).toBeCloseTo(value, 12)
})

test.each([
  // The examples of Lin 2004, section 3.1 (reference "police killed the gunman"; F with equal weights).
  ['police kill the gunman', 'police killed the gunman', 3 / 4],
  ['the gunman kill police', 'police killed the gunman', 2 / 4],
  ['the gunman police killed', 'police killed the gunman', 2 / 4],
  ['w1 w2 w6 w7 w8', 'w1 w2 w3 w4 w5', 2 / 5],
  ['a b c', 'a b c d e f', (2 * 3) / 9],
  ['Grüße, Welt!', 'grüße welt', 1],
  ['', '', 1],
  ['...', 'word', 0],
])('ROUGE-L of %j with %j is %d', (text, expected, value) => {
  expect(valueOf('rouge_l', text, expected)).toBeCloseTo(value, 12)
})

test('token F1 and ROUGE-L say how near, not right or wrong', () => {
  expect(measure('token_f1', generated('a b', 'a b')).correct).toBeNull()
  expect(measure('rouge_l', generated('a b', 'a b')).correct).toBeNull()
})

const choices = (logLikelihoods: number[], tokens: number[], expected: string): Answer => ({
  ...{ kind: 'choices', labels: ['no', 'certainly', 'yes'].slice(0, tokens.length), logLikelihoods, tokens, expected },
})

test('the label with the largest log-likelihood is chosen, in sum or per token', () => {
  const answer = choices([-2, -4, -9], [1, 4, 3], 'certainly')
  expect(measure('choice_accuracy', answer)).toEqual({ value: 0, correct: false, prediction: 'no', logLikelihood: -2, weight: 1 })
  expect(measure('choice_accuracy_per_token', answer)).toEqual({
    value: 1,
    correct: true,
    prediction: 'certainly',
    logLikelihood: -4,
    weight: 1,
  })
})

test('of equal scores the first label is chosen', () => {
  expect(measure('choice_accuracy', choices([-3, -1, -1], [1, 1, 1], 'yes'))).toMatchObject({ prediction: 'certainly', correct: false })
  expect(measure('choice_accuracy_per_token', choices([-3, -6, -9], [1, 2, 3], 'no'))).toMatchObject({ prediction: 'no', correct: true })
})

test('nothing is chosen where a log-likelihood is not finite', () => {
  for (const bad of [NaN, -Infinity])
    expect(measure('choice_accuracy', choices([-1, bad, -2], [1, 1, 1], 'no'))).toMatchObject({
      value: null,
      correct: null,
      prediction: null,
    })
})

test('the mean loss is nats per token, and counts by tokens', () => {
  const loss = (logLikelihood: number, tokens: number) => measure('mean_loss', { kind: 'loss', logLikelihood, tokens, expected: 'x' })
  expect(loss(-6, 4)).toEqual({ value: 1.5, correct: null, prediction: null, logLikelihood: -6, weight: 4 })
  expect(Object.is(loss(0, 2).value, 0)).toBe(true)
  expect(loss(NaN, 2)).toMatchObject({ value: null, logLikelihood: null })
})
