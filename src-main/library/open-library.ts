import { join } from 'node:path'
import type { Log } from '../platform/log.ts'
import { createAdapterStore, type AdapterStore } from './adapter-store.ts'
import { createCollectionStore, type CollectionStore } from './collection-store.ts'
import { createEditJournal, type EditJournal } from './edit-journal.ts'
import { createImportStore, type ImportStore } from './import-store.ts'
import { createJobStore, type JobStore } from './job-store.ts'
import { createLinks } from './links.ts'
import { migrations } from './migrations/index.ts'
import { openDatabase } from './open-database.ts'
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
  readonly jobs: JobStore
  readonly imports: ImportStore
  readonly now: () => Date
  close(): void
}

/** Opens the library in `folder`, made when missing. Throws Refusal: library-newer, library-unreadable. */
export function openLibrary({ folder, log, now = () => new Date() }: { folder: string; log: Log; now?: () => Date }): Library {
  const file = join(folder, libraryFile)
  const { db, backup } = openDatabase(file, migrations, now())
  if (backup !== null) log.info('the library was copied before its tables were changed', { copy: backup })
  const links = createLinks(db)
  const journal = createEditJournal(db, links, now)
  return {
    file,
    adapters: createAdapterStore(db, links, journal),
    collections: createCollectionStore(db, journal),
    views: createViewStore(db),
    journal,
    jobs: createJobStore(db),
    imports: createImportStore(db),
    now,
    close: () => void db.close(),
  }
}
