import { errorProblem, Refusal } from '../contract/problems.ts'
import { appVersion } from '../host/port.ts'
import { failureProblem } from '../jobs/failure-problems.ts'
import { appRoot } from '../platform/paths.ts'
import { exitCodes, outcome, type CommandContext, type ExitCode, type Outcome } from './command.ts'
import { commands } from './commands.ts'
import { formatProblem } from './format.ts'
import { commandHelp, programHelp } from './help.ts'
import { parseLine } from './parse-arguments.ts'
import { createProgressLine } from './progress-line.ts'

/** Where a command line reads and writes. */
export interface Terminal {
  readonly words: readonly string[]
  readonly codeFolder: string
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** True when stderr is a screen, where a progress line can be replaced. */
  readonly interactive: boolean
  readonly signal: AbortSignal
}

/** Runs one command line and answers with its exit code. Never rejects: what is unexpected is said and ends in 3. */
export async function runCommandLine(terminal: Terminal): Promise<ExitCode> {
  const { words, out, err } = terminal
  const say = (lines: readonly string[], to: (text: string) => void): void => {
    if (lines.length > 0) to(`${lines.join('\n')}\n`)
  }
  const parsed = parseLine(words, commands)
  if (parsed.kind === 'version') {
    say([appVersion(appRoot(terminal.codeFolder))], out)
    return exitCodes.done
  }
  if (parsed.kind === 'help') {
    say(parsed.command ? commandHelp(parsed.command) : programHelp(commands), out)
    return exitCodes.done
  }
  if (parsed.kind === 'usage') {
    const more = parsed.command ? `amalgam ${parsed.command.name} --help` : 'amalgam --help'
    say([parsed.message, `See "${more}".`], err)
    return exitCodes.usage
  }
  const { command, given } = parsed
  const line = createProgressLine(err, terminal.interactive)
  const context: CommandContext = {
    codeFolder: terminal.codeFolder,
    signal: terminal.signal,
    progress: line.show,
    print: (text) => say([text], out),
    remark: (text) => {
      line.clear()
      say([text], err)
    },
  }
  const result = await command.run(given, context).catch(outcomeOfError)
  line.clear()
  if (given.has('json')) {
    if (result.json !== undefined) say([JSON.stringify(result.json, null, 2)], out)
  } else {
    say(result.lines, out)
    say(result.problems.flatMap(formatProblem), err)
  }
  return result.exitCode
}

function outcomeOfError(error: unknown): Outcome {
  const problems =
    error instanceof Refusal
      ? error.problems
      : [failureProblem(error) ?? errorProblem('internal', error instanceof Error ? (error.stack ?? error.message) : String(error))]
  return outcome({ problems }, [], problems)
}
