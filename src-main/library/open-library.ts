import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Refusal } from '../contract/problems.ts'
import type { Log } from '../platform/log.ts'
import { createAdaptationStore, type AdaptationStore } from './adaptation-store.ts'
import { createAdapterStore, type AdapterStore } from './adapter-store.ts'
import { createBaseStore, type BaseStore } from './base-store.ts'
import { createCollectionStore, type CollectionStore } from './collection-store.ts'
import { libraryCorrupt } from './database-problems.ts'
import { createEditJournal, type EditJournal } from './edit-journal.ts'
import { createInspectionStore, type InspectionStore } from './inspection-store.ts'
import { createImportStore, type ImportStore } from './import-store.ts'
import { createJobStore, type JobStore } from './job-store.ts'
import { createLinks } from './links.ts'
import { migrations } from './migrations/index.ts'
import { openDatabase } from './open-database.ts'
import { createPlanStore } from './plan-store.ts'
import type { PlanStore } from './plan-types.ts'
import { createRunMarks, type RunMarks } from './run-marks.ts'
import { createRunStore, type RunStore } from './run-store.ts'
import { createSimilarityStore, type SimilarityStore } from './similarity-store.ts'
import { createTaskStore, type TaskStore } from './task-store.ts'
import { createViewStore, type ViewStore } from './view-store.ts'

/** Name of the database in the library's folder. */
export const libraryFile = 'library.sqlite'

/** One open library. */
export interface Library {
  /** The database. */
  readonly file: string
  readonly adapters: AdapterStore
  readonly collections: CollectionStore
  readonly views: ViewStore
  /** Edits of tags and collections that can be taken back. */
  readonly journal: EditJournal
  /** Spectra and detector figures. */
  readonly inspections: InspectionStore
  /** Inner products of compared pairs. */
  readonly similarities: SimilarityStore
  readonly jobs: JobStore
  readonly imports: ImportStore
  readonly bases: BaseStore
  /** What evaluations found. */
  readonly runs: RunStore
  /** What was tuned, searched and trained. */
  readonly adaptations: AdaptationStore
  /** Plans of Compare with what they gave. */
  readonly plans: PlanStore
  /** What a person noted on runs: archived, pinned. */
  readonly runMarks: RunMarks
  /** Tasks to evaluate on, with their examples. */
  readonly tasks: TaskStore
  readonly now: () => Date
  close(): void
}

/**
 * Opens the library in `folder`, made when missing. Throws Refusal: library-newer, library-corrupt, library-unreadable, library-not-written,
 * library-busy.
 */
export function openLibrary({ folder, log, now = () => new Date() }: { folder: string; log: Log; now?: () => Date }): Library {
  const file = join(folder, libraryFile)
  const { db, backup } = openDatabase(file, migrations, now())
  try {
    return joinStores(db, file, now)
  } catch (error) {
    db.close()
    // The file passed as sound and of our version, and yet a statement does not fit its tables: their names were damaged.
    const isMisfit = error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR'
    throw isMisfit ? new Refusal([libraryCorrupt(file, error.message)]) : error
  } finally {
    if (backup !== null) log.info('the library was copied before its tables were changed', { copy: backup })
  }
}

function joinStores(db: Database.Database, file: string, now: () => Date): Library {
  const links = createLinks(db)
  const journal = createEditJournal(db, links, now)
  return {
    file,
    adapters: createAdapterStore(db, links, journal),
    collections: createCollectionStore(db, journal),
    views: createViewStore(db),
    journal,
    inspections: createInspectionStore(db),
    similarities: createSimilarityStore(db),
    jobs: createJobStore(db),
    imports: createImportStore(db),
    bases: createBaseStore(db, now),
    runs: createRunStore(db, now),
    adaptations: createAdaptationStore(db),
    plans: createPlanStore(db),
    runMarks: createRunMarks(db),
    tasks: createTaskStore(db, file, now),
    now,
    close: () => void db.close(),
  }
}
