import type { Command } from '../../state/commands.svelte.ts'

/** Commands whose title or group holds every word that was typed; those whose title begins with it come first, else the order stays. */
export function findCommands(commands: readonly Command[], typed: string): readonly Command[] {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const rank = (command: Command): number => (words.length > 0 && command.title.toLowerCase().startsWith(words[0] as string) ? 0 : 1)
  return commands
    .filter((command) => words.every((word) => `${command.title} ${command.group}`.toLowerCase().includes(word)))
    .map((command, place) => ({ command, place }))
    .sort((left, right) => rank(left.command) - rank(right.command) || left.place - right.place)
    .map(({ command }) => command)
}
