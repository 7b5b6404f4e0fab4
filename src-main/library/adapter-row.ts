import type { AdapterOrigin, AdapterRow, AdapterStatus, AdapterVariant } from '../contract/adapter.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'

/** An adapter as the tables hold it, with its paths, tags, collections and earliest twin (another adapter with the same factors) gathered beside it. */
export interface StoredAdapter {
  readonly seq: number
  readonly id: string
  readonly name: string
  readonly content_hash: string | null
  readonly tensor_hash: string | null
  readonly base_model_name: string | null
  readonly ranks: string
  readonly alphas: string
  readonly scaling: string
  readonly target_modules: string
  readonly layers: number
  readonly dtype: string | null
  readonly size_bytes: number
  readonly update_norm: number | null
  readonly effective_rank: number | null
  readonly variant: string
  readonly status: string
  readonly use_rslora: number
  readonly favourite: number
  readonly origin: string
  readonly licence: string | null
  readonly notes: string
  readonly added_at: string
  readonly problems: string
  readonly screens: string
  readonly paths: string
  readonly tags: string
  readonly collections: string
  readonly twin: string | null
}

/** The condition that makes `o` a twin of `a` that was there before it: the later one carries the remark. */
export const earlierTwin = "o.tensor_hash = a.tensor_hash AND o.seq < a.seq AND o.status <> 'refused'"

/** Columns of StoredAdapter, from `adapters AS a`. Places that still hold the adapter come first. */
export const storedColumns = `a.seq, a.id, a.name, a.content_hash, a.tensor_hash, a.base_model_name, a.ranks, a.alphas, a.scaling,
  a.target_modules, a.layers, a.dtype, a.size_bytes, a.update_norm, a.effective_rank, a.variant, a.status, a.use_rslora, a.favourite, a.origin, a.licence,
  a.notes, a.added_at, a.problems, a.screens,
  (SELECT json_group_array(path) FROM (SELECT path FROM adapter_paths WHERE adapter_seq = a.seq ORDER BY present DESC, rowid)) AS paths,
  (SELECT json_group_array(name) FROM (SELECT t.name FROM adapter_tags x JOIN tags t USING (tag_id) WHERE x.adapter_seq = a.seq
    ORDER BY t.name COLLATE NOCASE)) AS tags,
  (SELECT json_group_array(name) FROM (SELECT c.name FROM adapter_collections x JOIN collections c USING (collection_id)
    WHERE x.adapter_seq = a.seq ORDER BY c.name COLLATE NOCASE)) AS collections,
  (SELECT json_object('name', o.name, 'base', o.base_model_name) FROM adapters o WHERE ${earlierTwin} ORDER BY o.seq LIMIT 1) AS twin`

type Problems = AdapterRow['problems']

/** One line of the library. */
export function rowOf(stored: StoredAdapter): AdapterRow {
  const paths = JSON.parse(stored.paths) as string[]
  return {
    id: stored.id,
    name: stored.name,
    paths,
    contentHash: stored.content_hash,
    tensorHash: stored.tensor_hash,
    baseModelName: stored.base_model_name,
    ranks: JSON.parse(stored.ranks) as number[],
    alphas: JSON.parse(stored.alphas) as number[],
    scaling: JSON.parse(stored.scaling) as number[],
    targetModules: JSON.parse(stored.target_modules) as string[],
    layers: stored.layers,
    dtype: stored.dtype,
    sizeBytes: stored.size_bytes,
    updateNorm: stored.update_norm,
    effectiveRank: stored.effective_rank,
    variant: stored.variant as AdapterVariant,
    status: stored.status as AdapterStatus,
    tags: JSON.parse(stored.tags) as string[],
    collections: JSON.parse(stored.collections) as string[],
    favourite: stored.favourite === 1,
    origin: stored.origin as AdapterOrigin,
    licence: stored.licence,
    addedAt: stored.added_at,
    problems: worstFirst([...(JSON.parse(stored.problems) as Problem[]), ...problemsNow(stored, paths)]) as Problems,
  }
}

/** What depends on the other adapters and on the disk, and is therefore not stored. */
function problemsNow(stored: StoredAdapter, paths: readonly string[]): Problem[] {
  const problems: Problem[] = []
  if (stored.status === 'missing') {
    problems.push(
      errorProblem('file-missing', 'The files are not where they were.', {
        ...(paths[0] !== undefined && { where: { path: paths[0] } }),
        hint: 'Put them back and rescan, or import them from their new place: the same content is recognised.',
      }),
    )
  }
  if (stored.twin === null) return problems
  const twin = JSON.parse(stored.twin) as { name: string; base: string | null }
  const same = `The factors are the same as those of "${twin.name}"`
  problems.push(
    warningProblem('same-weights', `${same}; the config or other tensors differ.`, {
      where: { value: twin.name },
      hint: 'Merging both counts the same update twice. Keep the one whose config is right.',
    }),
  )
  if (twin.base !== stored.base_model_name) {
    problems.push(
      warningProblem(
        'base-name-differs',
        `${same}, which names the base model ${named(twin.base)}; this one names ${named(stored.base_model_name)}.`,
        {
          where: { field: 'base_model_name_or_path', value: stored.base_model_name ?? '' },
          hint: 'One update fits one base model only. Find out which one it was trained on.',
        },
      ),
    )
  }
  return problems
}

function named(base: string | null): string {
  return base === null ? 'nothing' : `"${base}"`
}

function worstFirst(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((left, right) => (left.severity === right.severity ? 0 : left.severity === 'error' ? -1 : 1))
}
