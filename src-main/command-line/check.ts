import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AdapterDetail } from '../contract/adapter.ts'
import type { ImportItem } from '../contract/import-report.ts'
import { hasError } from '../contract/problems.ts'
import { adapterFacts } from './adapter-lines.ts'
import { outcome, type Command } from './command.ts'
import { importPaths } from './import.ts'
import { withSession } from './session.ts'

/** What a path holds that could not be listed as an adapter. */
type Refused = Pick<ImportItem, 'variant' | 'problems'> & {
  readonly id: null
  readonly paths: readonly string[]
  readonly status: 'refused'
}

/** `check PATH`: reads and checks as an import does, in a library that is thrown away. */
export const checkCommand: Command = {
  name: 'check',
  summary: 'Read and check an adapter without adding it to the library.',
  takes: 'PATH',
  least: 1,
  most: 1,
  options: [],
  notes: () => ['PATH is an adapter or a folder of adapters; JSON holds one object for one adapter, a list for several.'],
  async run(given, context) {
    const scratch = await mkdtemp(join(tmpdir(), 'amalgam-check-'))
    try {
      return await withSession(scratch, context, async (session) => {
        const { items } = await importPaths(session, given.positionals, context)
        const found = items.map((item) => adapterOf(item, session.services.library.adapters.get))
        const problems = found.flatMap((adapter) => adapter.problems)
        const lines = found.flatMap((adapter, index) => [...(index > 0 ? [''] : []), ...linesOf(adapter)])
        return outcome(found.length === 1 ? found[0] : found, lines, problems)
      })
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

function adapterOf(item: ImportItem, get: (id: string) => AdapterDetail | null): AdapterDetail | Refused {
  const adapter = item.id === null ? null : get(item.id)
  // A second copy under the same path is what the first one's row already says.
  return adapter ?? { id: null, paths: [item.path], status: 'refused', variant: item.variant, problems: item.problems }
}

function linesOf(adapter: AdapterDetail | Refused): readonly string[] {
  if (adapter.id !== null) return [...adapterFacts(adapter), hasError(adapter.problems) ? 'Refused.' : 'Can be imported.']
  return [`${adapter.paths.join(', ')}: refused.`]
}
