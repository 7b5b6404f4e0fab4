/** A key combination; `mod` is Ctrl, or Command on a Mac. */
export interface Shortcut {
  readonly mod: boolean
  readonly shift: boolean
  readonly alt: boolean
  /** As KeyboardEvent.key, letters in lower case. */
  readonly key: string
}

/** The few fields of a KeyboardEvent that a shortcut looks at. */
export interface KeyPress {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly shiftKey: boolean
  readonly altKey: boolean
}

const shownKeys: Readonly<Record<string, string>> = {
  escape: 'Esc',
  delete: 'Del',
  enter: 'Enter',
  ' ': 'Space',
  arrowup: 'Up',
  arrowdown: 'Down',
  arrowleft: 'Left',
  arrowright: 'Right',
}

/** Reads "Mod+Shift+K", "F5", "?", "Mod+,". Throws on an unknown modifier: shortcuts are written by us. */
export function parseShortcut(text: string): Shortcut {
  const parts = text.endsWith('++') ? [...text.slice(0, -2).split('+'), '+'] : text.split('+')
  const key = parts.at(-1) ?? ''
  const modifiers = parts.slice(0, -1).map((part) => part.toLowerCase())
  const unknown = modifiers.find((modifier) => !['mod', 'shift', 'alt'].includes(modifier))
  if (unknown !== undefined || key === '') throw new Error(`"${text}" is not a shortcut`)
  return {
    mod: modifiers.includes('mod'),
    shift: modifiers.includes('shift'),
    alt: modifiers.includes('alt'),
    key: key.toLowerCase() === 'space' ? ' ' : key.toLowerCase(),
  }
}

/** True when the press is this shortcut. Shift is not asked for where the character itself needs it ("?" on most layouts). */
export function matchesShortcut(text: string, press: KeyPress, mac: boolean): boolean {
  const shortcut = parseShortcut(text)
  const mod = mac ? press.metaKey : press.ctrlKey
  const otherMod = mac ? press.ctrlKey : press.metaKey
  const shiftMatters = shortcut.key.length > 1 || /[a-z0-9 ]/.test(shortcut.key)
  return (
    press.key.toLowerCase() === shortcut.key &&
    mod === shortcut.mod &&
    !otherMod &&
    press.altKey === shortcut.alt &&
    (!shiftMatters || press.shiftKey === shortcut.shift)
  )
}

/** The shortcut as it is shown: "Ctrl+K", on a Mac "⌘K". */
export function shortcutLabel(text: string, mac: boolean): string {
  const { mod, shift, alt, key } = parseShortcut(text)
  const name =
    shownKeys[key] ?? (key.length === 1 || /^f\d+$/.test(key) ? key.toUpperCase() : `${key.charAt(0).toUpperCase()}${key.slice(1)}`)
  if (mac) return `${alt ? '⌥' : ''}${shift ? '⇧' : ''}${mod ? '⌘' : ''}${name}`
  return [mod ? 'Ctrl' : '', alt ? 'Alt' : '', shift ? 'Shift' : '', name].filter((part) => part !== '').join('+')
}

/** True when a press types a character into a text field, so that a shortcut without Ctrl must stay quiet there. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range', 'submit'].includes(target.type)
}
