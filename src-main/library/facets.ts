import type Database from 'better-sqlite3'
import { facetIds, type Facet, type Facets } from '../contract/library-query.ts'
import { markConditions } from './facet-conditions.ts'

type Count = Facets['counts'][Facet][number]

/** Each statement gives value, label and count; the most frequent first, ranks ascending. "" counts the adapters without a value. */
const frequent = 'GROUP BY value ORDER BY count DESC, value COLLATE NOCASE'
const ofColumn = (column: string) => `SELECT ${column} AS value, NULL AS label, count(*) AS count FROM adapters ${frequent}`
// Lists repeat from adapter to adapter: each distinct one is taken apart once.
const ofLists = (column: string, join: string, value: string, order: string) =>
  `SELECT coalesce(CAST(${value} AS TEXT), '') AS value, NULL AS label, sum(l.count) AS count
   FROM (SELECT ${column} AS list, count(*) AS count FROM adapters GROUP BY ${column}) l ${join} GROUP BY ${value} ORDER BY ${order}`
const items = 'LEFT JOIN json_each(l.list) i'
const ofLinks = (links: string, id: string, named: string, value: string, label: string) =>
  `SELECT CAST(n.${value} AS TEXT) AS value, ${label} AS label, count(*) AS count FROM ${links} JOIN ${named} n USING (${id}) GROUP BY n.${id}
   UNION ALL
   SELECT '', NULL, count(*) FROM adapters WHERE seq NOT IN (SELECT adapter_seq FROM ${links})
   ORDER BY count DESC, label COLLATE NOCASE, value COLLATE NOCASE`

const statements: Readonly<Record<Facet, string>> = {
  status: ofColumn('status'),
  variant: ofColumn('variant'),
  origin: ofColumn('origin'),
  baseModelName: ofColumn("coalesce(base_model_name, '')"),
  licence: ofColumn("coalesce(licence, '')"),
  rank: ofLists('ranks', items, 'i.value', 'i.value'),
  targetModule: ofLists('target_modules', items, 'i.value', 'count DESC, i.value'),
  tag: ofLinks('adapter_tags', 'tag_id', 'tags', 'name', 'NULL'),
  collection: ofLinks('adapter_collections', 'collection_id', 'collections', 'collection_id', 'n.name'),
  failsScreen: ofLists('screens', `${items} ON i.type = 'false'`, 'i.key', 'count DESC, i.key'),
  is: Object.entries(markConditions)
    .map(([mark, condition]) => `SELECT '${mark}' AS value, NULL AS label, count(*) AS count FROM adapters a WHERE ${condition}`)
    .join(' UNION ALL '),
}

/** Counts the values of every facet over the whole library. */
export function createFacets(db: Database.Database): () => Facets {
  const total = db.prepare<[], { total: number }>('SELECT count(*) AS total FROM adapters')
  const counting = facetIds.map(
    (id) => [id, db.prepare<[], { value: string; label: string | null; count: number }>(statements[id])] as const,
  )
  return () => ({
    total: total.get()!.total,
    counts: Object.fromEntries(counting.map(([id, statement]) => [id, statement.all().flatMap(countOf)])) as Facets['counts'],
  })
}

function countOf({ value, label, count }: { value: string; label: string | null; count: number }): Count[] {
  return count === 0 ? [] : [{ value, count, ...(label !== null && { label }) }]
}
