import { expect, test } from 'vitest'
import { exitCodeOf, outcome, type Command } from '../../../src-main/command-line/command.ts'
import { commands } from '../../../src-main/command-line/commands.ts'
import { commandHelp, programHelp } from '../../../src-main/command-line/help.ts'
import { parseLine, type ParsedLine } from '../../../src-main/command-line/parse-arguments.ts'
import { errorProblem, warningProblem } from '../../../src-main/contract/problems.ts'

const parse = (line: string): ParsedLine => parseLine(line === '' ? [] : line.split(' '), commands)

function given(line: string) {
  const parsed = parse(line)
  if (parsed.kind !== 'command') throw new Error(`${line}: ${JSON.stringify(parsed)}`)
  return parsed
}

test('a command gets its positionals and options, in any order, with = or a space', () => {
  const parsed = given('import a --tag x b --tag=y --library /lib --json c')
  expect(parsed.command.name).toBe('import')
  expect(parsed.given.positionals).toEqual(['a', 'b', 'c'])
  expect(parsed.given.values('tag')).toEqual(['x', 'y'])
  expect(parsed.given.value('library')).toBe('/lib')
  expect(parsed.given.has('json')).toBe(true)
  expect(parsed.given.has('help')).toBe(false)
})

test('after -- everything is a positional', () => {
  expect(given('import -- --json').given.positionals).toEqual(['--json'])
})

test.each([
  ['improt a', 'There is no command "improt". Did you mean "import"?'],
  ['xyzzy', 'There is no command "xyzzy". Allowed: import, ls,'],
  ['ls --josn', 'There is no option "--josn" here. Did you mean "--json"?'],
  ['ls -z', 'There is no option "-z" here.'],
  ['import', '"import" needs PATH....'],
  ['show a b', '"show" takes ID; "b" is too much.'],
  ['ls extra', '"ls" takes nothing; "extra" is too much.'],
  ['ls --text', '--text needs a value: --text WORDS.'],
  ['ls --json=yes', '--json takes no value, but was given "yes".'],
  ['ls --text a --text b', '--text was given twice.'],
  ['ls --status oke', '--status is "oke". Did you mean "ok"?'],
  ['export a --profile gguf', '--profile is "gguf". Allowed: peft, vllm, llamacpp.'],
])('%s is wrong usage, and it is said how', (line, message) => {
  const parsed = parse(line)
  expect(parsed.kind).toBe('usage')
  expect((parsed as { message: string }).message).toContain(message)
})

test.each([
  ['', null],
  ['--help', null],
  ['help', null],
  ['help merge', 'merge'],
  ['merge --help', 'merge'],
  ['merge recipe.yaml --help', 'merge'],
])('"%s" asks for help', (line, name) => {
  const parsed = parse(line)
  expect(parsed.kind).toBe('help')
  expect((parsed as { command: Command | null }).command?.name ?? null).toBe(name)
})

test('the help names every command of the contract and what it takes', () => {
  const text = programHelp(commands).join('\n')
  for (const name of ['import PATH...', 'ls', 'show ID', 'check PATH', 'methods [ID]', 'merge RECIPE', 'export ID', 'jobs [ID]', 'serve'])
    expect(text).toContain(`  ${name}`)
  for (const command of commands) {
    const lines = commandHelp(command).join('\n')
    for (const option of [...command.options.map((spec) => spec.name), 'library', 'json']) expect(lines).toContain(`--${option}`)
  }
})

test('exit codes follow from the problems', () => {
  expect(exitCodeOf([])).toBe(0)
  expect(exitCodeOf([warningProblem('same-weights', 'x')])).toBe(0)
  expect(exitCodeOf([errorProblem('unknown-method', 'x')])).toBe(1)
  expect(exitCodeOf([errorProblem('unknown-method', 'x'), errorProblem('cancelled', 'y')])).toBe(3)
  expect(outcome(null, [], [errorProblem('disk-full', 'x')]).exitCode).toBe(3)
})
