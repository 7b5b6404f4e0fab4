import { firstTables } from './0001-first-tables.ts'
import { inspectionTables } from './0002-inspection.ts'
import { libraryTools } from './0003-library-tools.ts'
import { evaluationTables } from './0004-evaluation.ts'
import { adaptationTables } from './0005-adaptation.ts'
import { planTables } from './0006-plans.ts'
import { runMarks } from './0007-run-marks.ts'

/** One step of the library's tables; `version` is the user_version after it. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** Every migration, oldest first; versions are 1, 2, 3... without gaps. */
export const migrations: readonly Migration[] = [
  { version: 1, name: 'first-tables', sql: firstTables },
  { version: 2, name: 'inspection', sql: inspectionTables },
  { version: 3, name: 'library-tools', sql: libraryTools },
  { version: 4, name: 'evaluation', sql: evaluationTables },
  { version: 5, name: 'adaptation', sql: adaptationTables },
  { version: 6, name: 'plans', sql: planTables },
  { version: 7, name: 'run-marks', sql: runMarks },
]
