import { parseArgs } from 'node:util'
import { didYouMean, suggest } from '../contract/suggest.ts'
import { commonOptions, type Arguments, type Command, type OptionSpec } from './command.ts'

/** A command with what it was given, or what is wrong with the line. */
export type ParsedLine =
  | { readonly kind: 'command'; readonly command: Command; readonly given: Arguments }
  | { readonly kind: 'usage'; readonly message: string; readonly command: Command | null }
  | { readonly kind: 'help'; readonly command: Command | null }
  | { readonly kind: 'version' }

/** Reads a command line (without the program's name) against the table of commands. */
export function parseLine(words: readonly string[], commands: readonly Command[]): ParsedLine {
  const [name, ...rest] = words
  if (name === undefined || name === '--help' || name === '-h') return { kind: 'help', command: null }
  if (name === '--version') return { kind: 'version' }
  const known = commands.map((command) => command.name)
  if (name === 'help') return helpFor(rest[0], commands)
  const command = commands.find((candidate) => candidate.name === name)
  if (!command) return usage(`There is no command "${name}". ${didYouMean(name, known)}`, null)
  return parseWords(command, rest)
}

function helpFor(name: string | undefined, commands: readonly Command[]): ParsedLine {
  return { kind: 'help', command: commands.find((command) => command.name === name) ?? null }
}

function parseWords(command: Command, words: readonly string[]): ParsedLine {
  const specs = [...command.options, ...commonOptions]
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(specs.map((spec) => [spec.name, { type: spec.value === undefined ? 'boolean' : 'string' } as const])),
  })
  const positionals: string[] = []
  const values = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const spec = specs.find((candidate) => candidate.name === token.name)
    if (!spec) return usage(unknownOption(token.rawName, specs), command)
    const refusal = refusalOf(spec, token.value, values.has(spec.name))
    if (refusal !== undefined) return usage(refusal, command)
    values.set(spec.name, [...(values.get(spec.name) ?? []), token.value ?? ''])
  }
  if (values.has('help')) return { kind: 'help', command }
  const count = countRefusal(command, positionals)
  if (count !== undefined) return usage(count, command)
  return { kind: 'command', command, given: argumentsOf(positionals, values) }
}

function argumentsOf(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>): Arguments {
  const valuesOf = (name: string): readonly string[] => values.get(name) ?? []
  return { positionals, values: valuesOf, value: (name) => valuesOf(name).at(-1), has: (name) => values.has(name) }
}

function unknownOption(raw: string, specs: readonly OptionSpec[]): string {
  const names = specs.map((spec) => `--${spec.name}`)
  const near = suggest(raw, names)
  return `There is no option "${raw}" here. ${near === undefined ? '' : `Did you mean "${near}"? `}Allowed: ${names.join(', ')}.`
}

function refusalOf(spec: OptionSpec, value: string | undefined, repeated: boolean): string | undefined {
  if (spec.value === undefined) return value === undefined ? undefined : `--${spec.name} takes no value, but was given "${value}".`
  if (value === undefined) return `--${spec.name} needs a value: --${spec.name} ${spec.value}.`
  if (repeated && spec.repeatable !== true) return `--${spec.name} was given twice.`
  if (spec.allowed && !spec.allowed.includes(value)) return `--${spec.name} is "${value}". ${didYouMean(value, spec.allowed)}`
  return undefined
}

function countRefusal(command: Command, given: readonly string[]): string | undefined {
  if (given.length < command.least) return `"${command.name}" needs ${command.takes}.`
  if (given.length <= command.most) return undefined
  return `"${command.name}" takes ${command.takes === '' ? 'nothing' : command.takes}; "${given[command.most]}" is too much.`
}

function usage(message: string, command: Command | null): ParsedLine {
  return { kind: 'usage', message, command }
}
