import { untrack } from 'svelte'
import { isTyping, matchesShortcut, shortcutLabel } from './shortcuts.ts'

/** Something a person can do, by palette, shortcut, button or menu. */
export interface Command {
  /** Stable, dotted: "library.rescan". */
  readonly id: string
  /** A verb and its object, as the palette shows it: "Rescan files". */
  readonly title: string
  /** Heading in the palette and the shortcuts sheet. */
  readonly group: string
  /** "Mod+K", "F5", "?"; the first is shown. */
  readonly shortcuts?: readonly string[]
  /** Asked each time it is shown or run; absent means always. */
  readonly enabled?: () => boolean
  readonly run: () => void
  /** Runs even while a text field has the focus, although its shortcut has no Ctrl (F5, for one). */
  readonly whileTyping?: boolean
}

/** Owns every command that can be run now. Feeds the palette, the shortcuts sheet and the keyboard. */
export class Commands {
  readonly mac: boolean
  #groups = $state.raw<readonly (readonly Command[])[]>([])
  /** Every command, in the order of registration. */
  all = $derived(this.#groups.flat())

  constructor(platform: string) {
    this.mac = platform.startsWith('Mac')
  }

  /** Adds commands; returns the way to take them out again. A view does both in one effect. */
  register(commands: readonly Command[]): () => void {
    // Read without tracking: an effect that registers must not run again because of what it registered.
    const groups = (): readonly (readonly Command[])[] => untrack(() => this.#groups)
    this.#groups = [...groups(), commands]
    return () => {
      this.#groups = groups().filter((group) => group !== commands)
    }
  }

  isEnabled(command: Command): boolean {
    return command.enabled?.() ?? true
  }

  /** Runs a command by id, if it is there and enabled. */
  run(id: string): void {
    const command = this.all.find((candidate) => candidate.id === id)
    if (command && this.isEnabled(command)) command.run()
  }

  /** The first shortcut of a command as it is shown, or an empty text. */
  label(command: Command): string {
    const first = command.shortcuts?.[0]
    return first === undefined ? '' : shortcutLabel(first, this.mac)
  }

  /** The shown shortcut of a command by id; empty when it has none or is not there. */
  labelOf(id: string): string {
    const command = this.all.find((candidate) => candidate.id === id)
    return command ? this.label(command) : ''
  }

  /** Runs the latest registered enabled command whose shortcut was pressed. */
  handleKey(event: KeyboardEvent): void {
    if (event.defaultPrevented) return
    const typing = isTyping(event.target)
    // Select all, clipboard and undo belong to the text field that has the focus.
    if (typing && (event.ctrlKey || event.metaKey) && /^[acvxyz]$/i.test(event.key)) return
    const command = this.all.findLast(
      (candidate) =>
        (candidate.shortcuts ?? []).some((shortcut) => matchesShortcut(shortcut, event, this.mac)) &&
        (!typing || event.ctrlKey || event.metaKey || candidate.whileTyping === true) &&
        this.isEnabled(candidate),
    )
    if (!command) return
    event.preventDefault()
    command.run()
  }
}
