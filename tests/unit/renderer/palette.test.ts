import { expect, test } from 'vitest'
import type { Command } from '../../../src-renderer/state/commands.svelte.ts'
import { findCommands } from '../../../src-renderer/views/frame/palette.ts'

const command = (id: string, title: string, group = 'Library'): Command => ({ id, title, group, run: () => undefined })
const all = [command('a', 'Go to Merge', 'Everywhere'), command('b', 'Merge selected'), command('c', 'Rename adapter')]
const find = (typed: string): string =>
  findCommands(all, typed)
    .map(({ id }) => id)
    .join('')

test('every word must be found in title or group', () => {
  expect([find(''), find('library rename'), find('rename merge'), find('  EVERYWHERE ')]).toEqual(['abc', 'c', '', 'a'])
})

test('titles that begin with the word come first', () => {
  expect(find('merge')).toBe('ba')
})
