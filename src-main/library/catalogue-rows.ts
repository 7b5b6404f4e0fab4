import type Database from 'better-sqlite3'
import type { Facet, sortColumns } from '../contract/library-query.ts'

export type SortColumn = (typeof sortColumns)[number]
/** Facets whose values stand in the adapter itself; the marks of "is" also depend on the others. */
export type OwnFacet = Exclude<Facet, 'is'>

/** What a search looks at of one adapter. */
export interface CatalogueRow {
  readonly seq: number
  readonly id: string
  /** What it is sorted by; null where it has no value. */
  readonly keys: Readonly<Record<SortColumn, string | number | null>>
  /** Its values of each facet, none twice. */
  readonly values: Readonly<Record<OwnFacet, readonly string[]>>
  /** Name, base model, notes, target modules, tags and paths, folded and one to a line. */
  readonly text: string
  readonly tensorHash: string | null
  readonly favourite: boolean
  /** A warning is stored with it, or it is missing. */
  readonly warned: boolean
  readonly refused: boolean
  /** Places that hold it now. */
  readonly places: number
}

/** Loads the rows of adapters by seq; those that do not exist are left out. */
export type LoadRows = (seqs: readonly number[]) => readonly CatalogueRow[]

interface Stored {
  readonly seq: number
  readonly id: string
  readonly name: string
  readonly base_model_name: string | null
  readonly licence: string | null
  readonly ranks: string
  readonly target_modules: string
  readonly screens: string
  readonly max_rank: number | null
  readonly max_scaling: number | null
  readonly update_norm: number | null
  readonly effective_rank: number | null
  readonly size_bytes: number
  readonly status: string
  readonly variant: string
  readonly origin: string
  readonly added_at: string
  readonly notes: string
  readonly tensor_hash: string | null
  readonly favourite: number
  readonly warnings: number
}

/** Distinct lists remembered; they repeat from adapter to adapter. */
const rememberedLists = 5000

/** Loads rows from `db`. */
export function createRowLoader(db: Database.Database): LoadRows {
  const among = 'IN (SELECT value FROM json_each(?))'
  const adapters = db.prepare<[string], Stored>(
    `SELECT seq, id, name, base_model_name, licence, ranks, target_modules, screens, max_rank, max_scaling, update_norm, effective_rank,
       size_bytes, status, variant, origin, added_at, notes, tensor_hash, favourite, warnings FROM adapters WHERE seq ${among}`,
  )
  const tags = linkStatement(db, `SELECT adapter_seq, name FROM adapter_tags JOIN tags USING (tag_id) WHERE adapter_seq ${among} ORDER BY name COLLATE NOCASE`) // prettier-ignore
  const collections = linkStatement(
    db,
    `SELECT adapter_seq, CAST(collection_id AS TEXT) FROM adapter_collections WHERE adapter_seq ${among}`,
  )
  const paths = linkStatement(db, `SELECT adapter_seq, path FROM adapter_paths WHERE adapter_seq ${among}`)
  const present = linkStatement(db, `SELECT adapter_seq, '' FROM adapter_paths WHERE present = 1 AND adapter_seq ${among}`)
  const ranksOf = remembering((text) => (JSON.parse(text) as readonly number[]).map(String))
  const targetsOf = remembering((text) => JSON.parse(text) as readonly string[])
  const failedOf = remembering((text) =>
    Object.entries(JSON.parse(text) as Record<string, boolean | null>).flatMap(([screen, passed]) => (passed === false ? [screen] : [])),
  )

  return (seqs) => {
    const list = JSON.stringify(seqs)
    const [tagged, collected, placed, there] = [tags, collections, paths, present].map((statement) => grouped(statement.all(list)))
    return adapters.all(list).map((stored): CatalogueRow => {
      const { seq, id, name, base_model_name: base, status } = stored
      const targets = targetsOf(stored.target_modules)
      const names = tagged!.get(seq) ?? none
      return {
        ...{ seq, id, tensorHash: stored.tensor_hash, favourite: stored.favourite === 1, refused: status === 'refused' },
        warned: stored.warnings > 0 || status === 'missing',
        places: there!.get(seq)?.length ?? 0,
        text: foldText([name, base ?? '', stored.notes, ...targets, ...names, ...(placed!.get(seq) ?? none)].join('\n')),
        keys: {
          ...{ name: foldCase(name), base: base === null ? null : foldCase(base), rank: stored.max_rank, scaling: stored.max_scaling },
          ...{ norm: stored.update_norm, effectiveRank: stored.effective_rank, size: stored.size_bytes, status, added: stored.added_at },
        },
        values: {
          ...{ status: [status], variant: [stored.variant], origin: [stored.origin] },
          ...{
            baseModelName: optional(base),
            licence: optional(stored.licence),
            rank: ranksOf(stored.ranks),
            targetModule: targets,
          },
          ...{ tag: names, collection: collected!.get(seq) ?? none, failsScreen: failedOf(stored.screens) },
        },
      }
    })
  }
}

const none: readonly string[] = []

/** Small letters for A to Z alone, as the library compares names and tags. */
export function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** A text as it is searched: without letter case and without the marks above and below letters. */
export function foldText(text: string): string {
  // Most texts are plain ASCII, where there is nothing to take apart.
  return (/^[\x00-\x7f]*$/.test(text) ? text : text.normalize('NFD').replaceAll(/\p{M}/gu, '')).toLowerCase()
}

type LinkRow = readonly [seq: number, value: string]

function linkStatement(db: Database.Database, sql: string): Database.Statement<[string], LinkRow> {
  return db.prepare<[string], LinkRow>(sql).raw() as Database.Statement<[string], LinkRow>
}

function grouped(rows: readonly LinkRow[]): ReadonlyMap<number, readonly string[]> {
  const groups = new Map<number, string[]>()
  for (const [seq, value] of rows) {
    const group = groups.get(seq)
    if (group) group.push(value)
    else groups.set(seq, [value])
  }
  return groups
}

function optional(value: string | null): readonly string[] {
  return value === null || value === '' ? none : [value]
}

function remembering(read: (text: string) => readonly string[]): (text: string) => readonly string[] {
  const known = new Map<string, readonly string[]>()
  return (text) => {
    const before = known.get(text)
    if (before) return before
    const values = read(text)
    if (known.size >= rememberedLists) known.clear()
    known.set(text, values)
    return values
  }
}
