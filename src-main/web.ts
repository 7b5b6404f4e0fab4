import { runCommandLine } from './command-line/run.ts'
import { terminalOf } from './command-line/terminal.ts'

/** The web host by itself: `amalgam serve` with the same options. */
process.exitCode = await runCommandLine(terminalOf(['serve', ...process.argv.slice(2)], import.meta.dirname))
