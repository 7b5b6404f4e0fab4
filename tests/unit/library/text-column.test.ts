import { expect, test } from 'vitest'
import { createTextColumn } from '../../../src-main/library/text-column.ts'

test('a word is found exactly in the texts that hold it, across blocks, changes and freed places', () => {
  const column = createTextColumn()
  const texts = new Map<number, string>()
  let state = 1
  const next = (below: number): number => (state = (state * 48271) % 0x7fffffff) % below
  const words = ['a', 'ab', 'ba', 'bab', 'x', 'aba ab', 'b\na', '']
  for (let round = 0; round < 4000; round++) {
    const place = next(1000)
    const text = next(5) === 0 ? null : Array.from({ length: next(4) }, () => words[next(words.length)]!).join(' ')
    column.put(place, text)
    if (text === null) texts.delete(place)
    else texts.set(place, text)
    if (round % 200 !== 0) continue
    for (const word of ['a', 'ab', 'bab', 'x', 'nothing']) {
      const holding = column.holding(word)
      const found = [...holding.keys()].filter((place) => holding[place] === 1)
      expect(found).toEqual([...texts.keys()].filter((place) => texts.get(place)!.includes(word)).toSorted((left, right) => left - right))
    }
  }
})
