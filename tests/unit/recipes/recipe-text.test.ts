import { parse } from 'yaml'
import { expect, test } from 'vitest'
import { parseRecipe } from '../../../src-main/recipes/parse-recipe.ts'
import { completeRecipe, recipeText, withIds } from '../../../src-main/recipes/recipe-text.ts'

const read = (input: unknown) => parseRecipe(input).recipe!
const short = read(
  'method: linear\nadapters: [{adapter: ./a}, {adapter: b, coefficient: {default: 1, rules: [{layers: [0, 3], value: 2}]}}]',
)

test('every default is written out', () => {
  expect(parse(recipeText(short))).toEqual({
    method: 'linear',
    adapters: [
      { adapter: './a', coefficient: 1 },
      { adapter: 'b', coefficient: { default: 1, rules: [{ layers: [0, 3], value: 2 }] } },
    ],
    params: {},
    output: { rank: 'auto', dtype: 'float32', padTo: 'none' },
    seed: 1,
  })
})

test('the text reads back as the same recipe', () => {
  expect(parseRecipe(recipeText(short)).recipe).toEqual(completeRecipe(short))
})

test('a method that takes no coefficients gets none', () => {
  const text = recipeText(read({ method: 'average', adapters: [{ adapter: 'a' }] }))
  expect(text).not.toContain('coefficient')
  expect(parseRecipe(text).problems).toEqual([])
})

test('adapters are named by id, with their names beside them as comments', () => {
  const adapters = [
    { id: '3f2a', name: 'sentiment\nr16' },
    { id: '9c1b', name: 'topic' },
  ]
  const text = recipeText(withIds(short, adapters), adapters)
  expect(text).toContain('- adapter: 3f2a # sentiment r16\n')
  expect(parseRecipe(text).recipe?.adapters.map((entry) => entry.adapter)).toEqual(['3f2a', '9c1b'])
})

test('an id of digits stays text', () => {
  const text = recipeText(withIds(short, [{ id: '0012', name: 'x' }, { id: '1e5', name: 'y' }])) // prettier-ignore
  expect(parseRecipe(text).recipe?.adapters.map((entry) => entry.adapter)).toEqual(['0012', '1e5'])
})
