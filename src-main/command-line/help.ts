import { commonOptions, type Command, type OptionSpec } from './command.ts'
import { formatTable } from './format.ts'

/** The help of the whole program, made from the table of commands. */
export function programHelp(commands: readonly Command[]): readonly string[] {
  return [
    'Amalgam: an offline bench for LoRA adapters.',
    '',
    'amalgam COMMAND [OPTIONS]',
    '',
    ...formatTable(commands.map((command) => [`  ${command.name} ${command.takes}`.trimEnd(), command.summary])),
    '',
    ...optionLines(commonOptions),
    '',
    'Exit codes: 0 done; 1 refused, with problems; 2 wrong usage; 3 failed or cancelled.',
    'Results go to stdout, progress and problems to stderr. "amalgam COMMAND --help" says more.',
  ]
}

/** The help of one command. */
export function commandHelp(command: Command): readonly string[] {
  const notes = command.notes?.() ?? []
  return [
    command.summary,
    '',
    `amalgam ${command.name} ${command.takes} [OPTIONS]`.replaceAll(/ {2,}/g, ' '),
    '',
    ...optionLines([...command.options, ...commonOptions]),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ]
}

function optionLines(options: readonly OptionSpec[]): readonly string[] {
  return formatTable(
    options.map(({ name, value, repeatable, allowed, help }) => [
      `  --${name}${value === undefined ? '' : ` ${value}`}`,
      [help, allowed && `One of ${allowed.join(', ')}.`, repeatable === true && 'May be given several times.'].filter(Boolean).join(' '),
    ]),
  )
}
