import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { onTestFinished } from 'vitest'
import type { ImportProgress, ImportReport } from '../../../src-main/contract/import-report.ts'
import { libraryQuerySchema, type LibraryQuery, type LibraryQueryInput } from '../../../src-main/contract/library-query.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { createImporter, type Importer, type ImporterOptions } from '../../../src-main/library/importer.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { inspectInTypeScript } from '../../helpers/inspect.ts'

/** An empty folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-library-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Bench {
  readonly folder: string
  readonly library: Library
  readonly importer: Importer
  readonly progress: ImportProgress[]
  readonly changed: string[]
  /** Imports paths and waits for the whole report. */
  take(...paths: string[]): Promise<ImportReport>
  /** Rows of a query with defaults filled in. */
  names(query?: LibraryQueryInput): string[]
}

/** A library in a temporary folder with an importer over it; closed after the test. */
export function openBench(options: Partial<ImporterOptions> & { readonly folder?: string } = {}): Bench {
  const folder = options.folder ?? temporaryFolder()
  const library = openLibrary({ folder: join(folder, 'library'), log: silentLog })
  const progress: ImportProgress[] = []
  const changed: string[] = []
  const importer = createImporter({
    library,
    inspect: inspectInTypeScript,
    emitChanged: (ids) => changed.push(...ids),
    emitProgress: (step) => progress.push(step),
    log: silentLog,
    ...options,
  })
  let open = true
  const close = async () => {
    if (!open) return
    open = false
    await importer.close()
    library.close()
  }
  onTestFinished(close)
  return {
    folder,
    library,
    importer,
    progress,
    changed,
    async take(...paths) {
      const { id } = importer.start(paths)
      return importer.finished(id ?? '')
    },
    names: (query = {}) => library.adapters.list(queryOf(query)).rows.map((row) => row.name),
  }
}

export function queryOf(query: LibraryQueryInput): LibraryQuery {
  return v.parse(libraryQuerySchema, query)
}

export function codes(problems: readonly Pick<Problem, 'code'>[]): string[] {
  return problems.map((problem) => problem.code)
}
