import type { Facet, LibraryFilter, LibraryMark } from '../contract/library-query.ts'
import { earlierTwin } from './adapter-row.ts'
import { nearDuplicateCondition } from './near-duplicates.ts'

/** A condition for `adapters AS a` that is true or false, never unknown; every value that a person gave is a bound parameter. */
export interface Condition {
  readonly sql: string
  readonly parameters: readonly (string | number)[]
}

/** The condition of each mark of the facet "is". */
export const markConditions: Readonly<Record<LibraryMark, string>> = {
  favourite: 'a.favourite = 1',
  // A warning may be stored, or follow from what else is in the library.
  warnings: `(a.warnings > 0 OR a.status = 'missing' OR EXISTS (SELECT 1 FROM adapters o WHERE ${earlierTwin}))`,
  // The weights stand more than once: in another adapter, or in several places.
  duplicate: `(EXISTS (SELECT 1 FROM adapters o WHERE o.tensor_hash = a.tensor_hash AND o.seq <> a.seq)
    OR (SELECT count(*) FROM adapter_paths p WHERE p.adapter_seq = a.seq AND p.present = 1) > 1)`,
  'near-duplicate': `(${nearDuplicateCondition})`,
}

/** At least one of `values`; "" stands for having none. */
type AnyOf = (values: readonly string[]) => Condition

const anyOf: Readonly<Record<Facet, AnyOf>> = {
  status: ofColumn('a.status'),
  variant: ofColumn('a.variant'),
  origin: ofColumn('a.origin'),
  baseModelName: ofColumn("coalesce(a.base_model_name, '')"),
  licence: ofColumn("coalesce(a.licence, '')"),
  rank: ofLists('ranks', 'CAST(i.value AS TEXT)', "l.list = '[]'"),
  targetModule: ofLists('target_modules', 'i.value', "l.list = '[]'"),
  tag: ofLinks('adapter_tags', (marks) => `tag_id IN (SELECT tag_id FROM tags WHERE name IN (${marks}))`),
  collection: ofLinks('adapter_collections', (marks) => `CAST(collection_id AS TEXT) IN (${marks})`),
  // Screens are stored as JSON without spaces.
  failsScreen: ofLists('screens', "CASE i.type WHEN 'false' THEN i.key END", "instr(l.list, ':false') = 0"),
  is: (values) => {
    const marks = Object.entries(markConditions)
    const asked = marks.flatMap(([mark, sql]) => (values.includes(mark) ? [sql] : []))
    return { sql: joined([...asked, ...(values.includes('') ? [`NOT ${joined(marks.map(([, sql]) => sql), 'OR')}`] : [])], 'OR'), parameters: [] } // prettier-ignore
  },
}

/** The condition of one filter. */
export function compileFilter({ facet, mode, values }: LibraryFilter): Condition {
  const distinct = [...new Set(values)]
  if (mode === 'all') return allOf(distinct.map((value) => anyOf[facet]([value])))
  const any = anyOf[facet](distinct)
  return mode === 'any' ? any : { ...any, sql: `NOT ${any.sql}` }
}

/** The condition that every one of `conditions` holds. */
export function allOf(conditions: readonly Condition[]): Condition {
  return { sql: joined(conditions.map(({ sql }) => sql), 'AND'), parameters: conditions.flatMap(({ parameters }) => parameters) } // prettier-ignore
}

/** Terms joined in halves: SQLite limits how deep a condition may be, and a person may give thousands. */
function joined(terms: readonly string[], operator: 'AND' | 'OR'): string {
  if (terms.length <= 1) return terms[0] ?? (operator === 'AND' ? '1' : '0')
  const middle = Math.ceil(terms.length / 2)
  return `(${joined(terms.slice(0, middle), operator)} ${operator} ${joined(terms.slice(middle), operator)})`
}

function ofColumn(column: string): AnyOf {
  return (values) => ({ sql: `(${column} IN (${marksOf(values)}))`, parameters: values })
}

/** Lists repeat from adapter to adapter: each distinct one is taken apart once. */
function ofLists(column: string, item: string, isEmpty: string): AnyOf {
  return (values) => {
    const named = values.filter((value) => value !== '')
    const fits = [
      ...(named.length > 0 ? [`EXISTS (SELECT 1 FROM json_each(l.list) i WHERE ${item} IN (${marksOf(named)}))`] : []),
      ...(values.includes('') ? [isEmpty] : []),
    ]
    return {
      sql: `(a.${column} IN (SELECT l.list FROM (SELECT DISTINCT ${column} AS list FROM adapters) l WHERE ${joined(fits, 'OR')}))`,
      parameters: named,
    }
  }
}

function ofLinks(table: string, fits: (marks: string) => string): AnyOf {
  return (values) => {
    const named = values.filter((value) => value !== '')
    const linked = [
      ...(named.length > 0 ? [`a.seq IN (SELECT adapter_seq FROM ${table} WHERE ${fits(marksOf(named))})`] : []),
      ...(values.includes('') ? [`a.seq NOT IN (SELECT adapter_seq FROM ${table})`] : []),
    ]
    return { sql: `(${joined(linked, 'OR')})`, parameters: named }
  }
}

function marksOf(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}
