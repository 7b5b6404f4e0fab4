import { runCommandLine } from './command-line/run.ts'
import { terminalOf } from './command-line/terminal.ts'

/** The command line: `amalgam COMMAND`. */
process.exitCode = await runCommandLine(terminalOf(process.argv.slice(2), import.meta.dirname))
