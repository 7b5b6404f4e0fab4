import type Database from 'better-sqlite3'
import type { Facets } from '../contract/library-query.ts'
import { withDuplicates, withWarnings } from './compile-query.ts'

type Facet = Facets['status']

/** Counts values over the whole library; the most frequent first, ranks ascending. */
export function createFacets(db: Database.Database): () => Facets {
  const frequent = 'GROUP BY value ORDER BY count DESC, value COLLATE NOCASE'
  const counted = (sql: string) => db.prepare<[], Facet[number]>(sql)
  const status = counted(`SELECT status AS value, count(*) AS count FROM adapters ${frequent}`)
  const variant = counted(`SELECT variant AS value, count(*) AS count FROM adapters ${frequent}`)
  const origin = counted(`SELECT origin AS value, count(*) AS count FROM adapters ${frequent}`)
  const base = counted(`SELECT coalesce(base_model_name, '') AS value, count(*) AS count FROM adapters ${frequent}`)
  // Lists repeat from adapter to adapter: each distinct one is taken apart once.
  const perItem = (column: string, field: 'value' | 'key') =>
    `SELECT CAST(i.${field} AS TEXT) AS value, sum(l.count) AS count
     FROM (SELECT ${column} AS list, count(*) AS count FROM adapters GROUP BY ${column}) l, json_each(l.list) i`
  const rank = counted(`${perItem('ranks', 'value')} GROUP BY i.value ORDER BY i.value`)
  const tag = counted(`SELECT t.name AS value, count(*) AS count FROM adapter_tags JOIN tags t USING (tag_id) ${frequent}`)
  const target = counted(`${perItem('target_modules', 'value')} GROUP BY i.value ORDER BY count DESC, i.value`)
  const screen = counted(`${perItem('screens', 'key')} WHERE i.type = 'false' GROUP BY i.key ORDER BY count DESC, i.key`)
  const totals = db.prepare<[], { total: number; warnings: number; duplicates: number; favourites: number }>(
    `SELECT count(*) AS total, coalesce(sum(${withWarnings}), 0) AS warnings, coalesce(sum(${withDuplicates}), 0) AS duplicates,
      coalesce(sum(a.favourite), 0) AS favourites FROM adapters a`,
  )
  return () => ({
    ...{ status: status.all(), variant: variant.all(), origin: origin.all(), baseModelName: base.all(), rank: rank.all() },
    ...{ tag: tag.all(), targetModule: target.all(), screen: screen.all() },
    ...totals.get()!,
  })
}
