import { describe, expect, test } from 'vitest'
import { gridMove, insideGrid } from '../../../src-renderer/state/grid-keys.ts'

const size = { rows: 100, columns: 12, page: 20 }
const move = (row: number, column: number, key: string, ctrl = false): string => {
  const to = gridMove({ row, column }, key, ctrl, size)
  return to === null ? 'none' : `${to.row},${to.column}`
}

describe('keys of the grid', () => {
  test.each([
    [5, 2, 'ArrowDown', '6,2'],
    [99, 2, 'ArrowDown', '99,2'],
    [5, 2, 'ArrowUp', '4,2'],
    [0, 2, 'ArrowUp', '-1,2'],
    [-1, 2, 'ArrowUp', '-1,2'],
    [-1, 2, 'ArrowDown', '0,2'],
    [5, 0, 'ArrowLeft', '5,0'],
    [5, 11, 'ArrowRight', '5,11'],
    [5, 2, 'Home', '5,0'],
    [5, 2, 'End', '5,11'],
    [5, 2, 'PageDown', '25,2'],
    [95, 2, 'PageDown', '99,2'],
    [5, 2, 'PageUp', '0,2'],
    [5, 2, 'a', 'none'],
    [5, 2, 'Enter', 'none'],
  ])('from row %d, column %d, %s leads to %s', (row, column, key, to) => expect(move(row, column, key)).toBe(to))

  test('Ctrl+Home and Ctrl+End are the corners', () => {
    expect([move(5, 2, 'Home', true), move(5, 2, 'End', true)]).toEqual(['0,0', '99,11'])
  })

  test('a grid without rows keeps the focus in its header', () => {
    const empty = { rows: 0, columns: 3, page: 20 }
    for (const key of ['ArrowDown', 'PageDown', 'Home', 'End'])
      expect(gridMove({ row: -1, column: 1 }, key, key !== 'ArrowDown', empty)?.row).toBe(-1)
  })

  test('a grid that shrinks keeps the focus inside', () => {
    expect(insideGrid({ row: 50, column: 11 }, 10, 4)).toEqual({ row: 9, column: 3 })
    expect(insideGrid({ row: 5, column: 1 }, 0, 4)).toEqual({ row: -1, column: 1 })
  })
})
