import { describe, expect, test } from 'vitest'
import { matchesShortcut, parseShortcut, shortcutLabel, type KeyPress } from '../../../src-renderer/state/shortcuts.ts'

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
})

describe('shortcuts', () => {
  test('Mod is Ctrl, and Command on a Mac', () => {
    expect(matchesShortcut('Mod+K', press('k', { ctrlKey: true }), false)).toBe(true)
    expect(matchesShortcut('Mod+K', press('k', { metaKey: true }), false)).toBe(false)
    expect(matchesShortcut('Mod+K', press('k', { metaKey: true }), true)).toBe(true)
    expect(matchesShortcut('Mod+K', press('k', { ctrlKey: true, metaKey: true }), true)).toBe(false)
  })

  test('every modifier must be as written', () => {
    expect(matchesShortcut('Mod+K', press('k', { ctrlKey: true, altKey: true }), false)).toBe(false)
    expect(matchesShortcut('Mod+K', press('K', { ctrlKey: true, shiftKey: true }), false)).toBe(false)
    expect(matchesShortcut('Mod+Shift+K', press('K', { ctrlKey: true, shiftKey: true }), false)).toBe(true)
    expect(matchesShortcut('F2', press('F2', { shiftKey: true }), false)).toBe(false)
  })

  test('a sign that needs Shift on the keyboard matches with it', () => {
    expect(matchesShortcut('?', press('?', { shiftKey: true }), false)).toBe(true)
    expect(matchesShortcut('?', press('?'), false)).toBe(true)
    expect(matchesShortcut('Mod+,', press(',', { ctrlKey: true }), false)).toBe(true)
  })

  test.each([
    ['Mod+K', false, 'Ctrl+K'],
    ['Mod+K', true, '⌘K'],
    ['Mod+Shift+Z', false, 'Ctrl+Shift+Z'],
    ['F5', false, 'F5'],
    ['Delete', false, 'Del'],
    ['Space', false, 'Space'],
    ['Alt+1', false, 'Alt+1'],
    ['Mod+,', false, 'Ctrl+,'],
    ['Mod++', false, 'Ctrl++'],
  ])('%s (Mac: %s) is shown as %s', (text, mac, label) => expect(shortcutLabel(text, mac)).toBe(label))

  test('what is not a shortcut is refused', () => {
    expect(() => parseShortcut('Hyper+K')).toThrow('"Hyper+K" is not a shortcut')
    expect(() => parseShortcut('')).toThrow('is not a shortcut')
  })
})
