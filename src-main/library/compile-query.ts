import { screens } from '../contract/adapter.ts'
import type { LibraryQuery, sortColumns } from '../contract/library-query.ts'
import { earlierTwin } from './adapter-row.ts'

/** A condition and an order for `adapters AS a`; every value that a person gave is a bound parameter. */
export interface CompiledQuery {
  readonly where: string
  readonly order: string
  readonly parameters: readonly (string | number)[]
}

/** Condition of adapters with a warning, stored or following from what else is in the library. */
export const withWarnings = `(a.warnings > 0 OR a.status = 'missing' OR EXISTS (SELECT 1 FROM adapters o WHERE ${earlierTwin}))`
/** Condition of adapters whose weights stand more than once: in another adapter, or in several places. */
export const withDuplicates = `(EXISTS (SELECT 1 FROM adapters o WHERE o.tensor_hash = a.tensor_hash AND o.seq <> a.seq)
  OR (SELECT count(*) FROM adapter_paths p WHERE p.adapter_seq = a.seq AND p.present = 1) > 1)`

const orders: Readonly<Record<(typeof sortColumns)[number], readonly [nulls: string | null, by: string]>> = {
  name: [null, 'a.name COLLATE NOCASE'],
  base: ['a.base_model_name IS NULL', 'a.base_model_name COLLATE NOCASE'],
  rank: ['a.max_rank IS NULL', 'a.max_rank'],
  scaling: ['a.max_scaling IS NULL', 'a.max_scaling'],
  norm: ['a.update_norm IS NULL', 'a.update_norm'],
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
export function compileQuery(query: LibraryQuery): CompiledQuery {
  const conditions: string[] = []
  const parameters: (string | number)[] = []
  const add = (condition: string, values: readonly (string | number)[] = []) => {
    conditions.push(condition)
    parameters.push(...values)
  }
  for (const [column, values] of [
    ['status', query.status],
    ['variant', query.variant],
    ['origin', query.origin],
  ] as const)
    // prettier-ignore
    if (values.length > 0) add(`a.${column} IN (${marks(values)})`, values)
  // An empty name stands for adapters that name no base model.
  if (query.baseModelName.length > 0) add(`coalesce(a.base_model_name, '') IN (${marks(query.baseModelName)})`, query.baseModelName)
  if (query.rank.length > 0) add(`EXISTS (SELECT 1 FROM json_each(a.ranks) WHERE value IN (${marks(query.rank)}))`, query.rank)
  if (query.targetModule.length > 0)
    add(`EXISTS (SELECT 1 FROM json_each(a.target_modules) WHERE value IN (${marks(query.targetModule)}))`, query.targetModule)
  if (query.tag.length > 0)
    add(`a.seq IN (SELECT x.adapter_seq FROM adapter_tags x JOIN tags t USING (tag_id) WHERE t.name IN (${marks(query.tag)}))`, query.tag)
  if (query.favourite) add('a.favourite = 1')
  if (query.hasWarnings) add(withWarnings)
  if (query.duplicates) add(withDuplicates)
  if (query.failsScreen !== undefined) {
    // Screens are stored as JSON without spaces. A screen that does not exist fails nowhere.
    if (Object.hasOwn(screens, query.failsScreen)) add('instr(a.screens, ?) > 0', [`"${query.failsScreen}":false`])
    else add('0')
  }
  for (const word of wordsOf(query.text)) addWord(word, add)
  const [nulls, by] = orders[query.sort.column]
  const direction = query.sort.descending ? 'DESC' : 'ASC'
  return {
    where: conditions.length === 0 ? '1' : conditions.join(' AND '),
    order: `${nulls === null ? '' : `${nulls}, `}${by} ${direction}, a.seq ${direction}`,
    parameters,
  }
}

function addWord(word: string, add: (condition: string, values: readonly string[]) => void): void {
  if ([...word].length >= trigram) {
    add('a.seq IN (SELECT rowid FROM adapter_search WHERE adapter_search MATCH ?)', [`"${word.replaceAll('"', '""')}"`])
  } else {
    add("a.seq IN (SELECT rowid FROM adapter_search WHERE text LIKE ? ESCAPE '\\')", [`%${word.replaceAll(/[\\%_]/g, '\\$&')}%`])
  }
}

function wordsOf(text: string): string[] {
  // A NUL ends a text inside SQLite's query language.
  return text.slice(0, maxTextLength).replaceAll('\0', ' ').split(/\s+/).filter((word) => word !== '').slice(0, maxWords) // prettier-ignore
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}
