import type { LibraryQuery, sortColumns } from '../contract/library-query.ts'
import { allOf, compileFilter, type Condition } from './facet-conditions.ts'

/** A condition and an order for `adapters AS a`; every value that a person gave is a bound parameter. */
export interface CompiledQuery {
  readonly where: string
  readonly order: string
  readonly parameters: readonly (string | number)[]
}

const orders: Readonly<Record<(typeof sortColumns)[number], readonly [nulls: string | null, by: string]>> = {
  name: [null, 'a.name COLLATE NOCASE'],
  base: ['a.base_model_name IS NULL', 'a.base_model_name COLLATE NOCASE'],
  rank: ['a.max_rank IS NULL', 'a.max_rank'],
  scaling: ['a.max_scaling IS NULL', 'a.max_scaling'],
  norm: ['a.update_norm IS NULL', 'a.update_norm'],
  effectiveRank: ['a.effective_rank IS NULL', 'a.effective_rank'],
  size: [null, 'a.size_bytes'],
  status: [null, 'a.status'],
  added: [null, 'a.added_at'],
}

/** The longest search text that is looked at, and the most words in it. */
const maxTextLength = 500
const maxWords = 16
/** Words of this many letters and more are found by the trigram index, shorter ones by looking through the texts. */
const trigram = 3

/** Compiles filters, search and sort order to SQL. Adapters without a value stand last in either direction. */
export function compileQuery(query: Pick<LibraryQuery, 'text' | 'filters' | 'sort'>): CompiledQuery {
  const { sql, parameters } = allOf([...query.filters.map(compileFilter), ...wordsOf(query.text).map(containing)])
  const [nulls, by] = orders[query.sort.column]
  const direction = query.sort.descending ? 'DESC' : 'ASC'
  return { where: sql, order: `${nulls === null ? '' : `${nulls}, `}${by} ${direction}, a.seq ${direction}`, parameters }
}

function containing(word: string): Condition {
  if ([...word].length >= trigram)
    return {
      sql: 'a.seq IN (SELECT rowid FROM adapter_search WHERE adapter_search MATCH ?)',
      parameters: [`"${word.replaceAll('"', '""')}"`],
    }
  return {
    sql: "a.seq IN (SELECT rowid FROM adapter_search WHERE text LIKE ? ESCAPE '\\')",
    parameters: [`%${word.replaceAll(/[\\%_]/g, '\\$&')}%`],
  }
}

function wordsOf(text: string): string[] {
  // A NUL ends a text inside SQLite's query language.
  return text.slice(0, maxTextLength).replaceAll('\0', ' ').split(/\s+/).filter((word) => word !== '').slice(0, maxWords) // prettier-ignore
}
