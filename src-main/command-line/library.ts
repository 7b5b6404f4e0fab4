import type { AdapterRow } from '../contract/adapter.ts'
import { adapterStatuses } from '../contract/adapter.ts'
import { libraryQuerySchema, type Facet, type LibraryFilter, type LibraryQueryInput } from '../contract/library-query.ts'
import type { Library } from '../library/open-library.ts'
import * as v from 'valibot'
import { adapterFacts, adapterTable, type AdapterObject } from './adapter-lines.ts'
import { exitCodes, outcome, type Command } from './command.ts'
import { filterNotes, filterOptions, filtersOf } from './library-filters.ts'
import { withSession } from './session.ts'

/** Rows asked for at once. */
const pageSize = 1000

/** `ls`: the adapters of the library, filtered. */
export const listCommand: Command = {
  name: 'ls',
  summary: 'List the adapters of the library.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    { name: 'text', value: 'WORDS', help: 'Only adapters in which every word is found: name, base model, tags, notes, modules, paths.' },
    { name: 'status', value: 'STATUS', repeatable: true, allowed: adapterStatuses, help: 'Only adapters with this status.' },
    { name: 'tag', value: 'TAG', repeatable: true, help: 'Only adapters with this tag; several: at least one of them.' },
    ...filterOptions,
  ],
  notes: () => filterNotes,
  run: (given, context) =>
    withSession(given.value('library'), context, async ({ services }) => {
      const filters = filtersOf(given, services.library.collections)
      if ('code' in filters)
        return {
          ...outcome({ problems: [filters] }, [], [filters]),
          ...(filters.code === 'request-invalid' && { exitCode: exitCodes.usage }),
        }
      const rows = allRows(services.library, {
        text: given.value('text') ?? '',
        filters: [...filtersFor('status', given.values('status')), ...filtersFor('tag', given.values('tag')), ...filters],
      })
      const objects: AdapterObject[] = rows.map((row) => ({ ...row, lineage: lineageOf(services.library, row) }))
      return outcome(objects, rows.length > 0 ? adapterTable(rows) : ['No adapter matches.'])
    }),
}

function filtersFor(facet: Facet, values: readonly string[]): LibraryFilter[] {
  return values.length > 0 ? [{ facet, mode: 'any', values: [...values] }] : []
}

function allRows(library: Library, query: LibraryQueryInput): readonly AdapterRow[] {
  const rows: AdapterRow[] = []
  for (let offset = 0; ; offset += pageSize) {
    const page = library.adapters.list(v.parse(libraryQuerySchema, { ...query, offset, limit: pageSize }))
    rows.push(...page.rows)
    if (page.rows.length < pageSize) return rows
  }
}

/** Only merged adapters have a lineage, so only they are read in full. */
function lineageOf(library: Library, row: AdapterRow): AdapterObject['lineage'] {
  return row.origin === 'merged' ? (library.adapters.get(row.id)?.lineage ?? null) : null
}

/** `show ID`: everything about one adapter. */
export const showCommand: Command = {
  name: 'show',
  summary: 'Show everything about one adapter of the library.',
  takes: 'ID',
  least: 1,
  most: 1,
  options: [],
  notes: () => ["ID is an adapter's id, its name when no other has it, or the path of its folder."],
  run: (given, context) =>
    withSession(given.value('library'), context, async ({ services }) => {
      const found = services.library.adapters.find(given.positionals[0] ?? '', process.cwd())
      if ('code' in found) return outcome({ problems: [found] }, [], [found])
      const adapter = services.library.adapters.get(found.id)
      if (!adapter) throw new Error(`adapter ${found.id} was found and is not there`)
      // Showing is done well whatever is wrong with the adapter.
      return { ...outcome(adapter, adapterFacts(adapter)), problems: adapter.problems }
    }),
}
