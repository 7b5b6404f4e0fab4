import type { Problem, ProblemCode } from '../contract/problems.ts'

/** Exit codes of the command line (CONTRACT.md). */
export const exitCodes = { done: 0, refused: 1, usage: 2, failed: 3 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** One option; `value` names what it takes in the help, an option without it is a switch. */
export interface OptionSpec {
  readonly name: string
  readonly value?: string
  readonly repeatable?: boolean
  /** The only values it takes, when they can be listed. */
  readonly allowed?: readonly string[]
  readonly help: string
}

/** Options that every command takes. */
export const commonOptions: readonly OptionSpec[] = [
  { name: 'library', value: 'DIR', help: "The library's folder; the app's own one when not given." },
  { name: 'json', help: 'Print the result as JSON.' },
  { name: 'help', help: 'Show this help.' },
]

/** What was typed after a command's name, checked against its table. */
export interface Arguments {
  readonly positionals: readonly string[]
  /** Values of an option in the order given; empty when it was not given. */
  values(name: string): readonly string[]
  /** Last value of an option, or undefined. */
  value(name: string): string | undefined
  has(name: string): boolean
}

/** What a command works with besides its arguments. */
export interface CommandContext {
  /** A folder of the app's code, from which its resources are found. */
  readonly codeFolder: string
  /** Aborted by Ctrl+C. */
  readonly signal: AbortSignal
  /** Shows where a long command stands: one line on stderr, replaced by the next one. */
  progress(text: string): void
  /** Prints a line of the result at once; for commands that go on after their first answer. */
  print(line: string): void
  /** Prints a remark on stderr. */
  remark(line: string): void
}

/** What a command ends with: JSON for `--json`, lines for a person, and the problems a person is told beside them. */
export interface Outcome {
  readonly exitCode: ExitCode
  readonly json: unknown
  readonly lines: readonly string[]
  readonly problems: readonly Problem[]
}

/** One command of the table in commands.ts. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** What comes after the name: "PATH...", "[ID]". */
  readonly takes: string
  readonly least: number
  readonly most: number
  readonly options: readonly OptionSpec[]
  /** More lines for the command's help. */
  readonly notes?: () => readonly string[]
  run(given: Arguments, context: CommandContext): Promise<Outcome>
}

/** Problems after which the work, not the request, is what went wrong. */
const failures: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'cancelled',
  'internal',
  'disk-full',
  'write-failed',
  'library-not-written',
  'library-busy',
  'out-of-memory',
  'cuda-error',
  'device-lost',
  'native-not-built',
])

/** The exit code for these problems: failed when one of them is a failure of the work, refused when one blocks, done otherwise. */
export function exitCodeOf(problems: readonly Problem[]): ExitCode {
  const blocking = problems.filter((problem) => problem.severity === 'error')
  if (blocking.some((problem) => failures.has(problem.code))) return exitCodes.failed
  return blocking.length > 0 ? exitCodes.refused : exitCodes.done
}

/** An outcome whose exit code follows from its problems. */
export function outcome(json: unknown, lines: readonly string[], problems: readonly Problem[] = []): Outcome {
  return { exitCode: exitCodeOf(problems), json, lines, problems }
}
