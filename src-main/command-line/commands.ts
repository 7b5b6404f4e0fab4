import { baseCommand } from './base.ts'
import { checkCommand } from './check.ts'
import { collectionsCommand } from './collections.ts'
import type { Command } from './command.ts'
import { controlCommand } from './control.ts'
import { evalCommand } from './eval.ts'
import { exportCommand } from './export.ts'
import { generateCommand } from './generate.ts'
import { importCommand } from './import.ts'
import { inspectCommand } from './inspect.ts'
import { jobsCommand } from './jobs.ts'
import { listCommand, showCommand } from './library.ts'
import { metadataCommand, relinkCommand, undoCommand } from './library-tools.ts'
import { mergeCommand } from './merge.ts'
import { methodsCommand } from './methods.ts'
import { planCommand } from './plan.ts'
import { restoreBackupCommand } from './restore-backup.ts'
import { scorePoolCommand } from './score-pool.ts'
import { searchCommand } from './search.ts'
import { selectCommand } from './select.ts'
import { serveCommand } from './serve.ts'
import { taskCommand } from './task.ts'
import { trainCommand } from './train.ts'
import { tuneCommand } from './tune.ts'

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  importCommand,
  listCommand,
  showCommand,
  collectionsCommand,
  relinkCommand,
  undoCommand,
  metadataCommand,
  inspectCommand,
  checkCommand,
  baseCommand,
  taskCommand,
  methodsCommand,
  mergeCommand,
  exportCommand,
  evalCommand,
  scorePoolCommand,
  selectCommand,
  tuneCommand,
  searchCommand,
  trainCommand,
  controlCommand,
  planCommand,
  generateCommand,
  jobsCommand,
  restoreBackupCommand,
  serveCommand,
]
