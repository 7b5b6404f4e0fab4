import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import type { Families, Similarity } from '../contract/inspection.ts'
import { familiesOf, type FamilyLink } from './families.ts'

/** The inner product of two updates, by the content hashes of the adapters. */
export interface ComparedPair {
  readonly left: string
  readonly right: string
  readonly innerProduct: number
  /** Null where one of the two is zero. */
  readonly cosine: number | null
}

/** Inner products between the updates of adapters, kept by content: they stay true wherever the files go. */
export interface SimilarityStore {
  /** Cosines of a selection; adapters that are not checked and readable are left out. Read in slices, so that nothing else waits long. */
  similarity(ids: readonly string[]): Promise<Similarity>
  /** Groups of adapters linked by a cosine of at least `threshold`, or by equal factors. */
  families(threshold: number): Families
  /** Of every pair of these content hashes that was compared: the places of the two in `hashes`, the lower first. */
  known(hashes: readonly string[]): readonly (readonly [number, number])[]
  /** Puts pairs of different contents down, all or none; those that are known already stay as they are. */
  put(pairs: readonly ComparedPair[]): void
}

interface Selected {
  readonly id: string
  readonly name: string
  readonly contentHash: string
  readonly updateNorm: number | null
}

type StoredPair = readonly [low: number, high: number]

/** Milliseconds of reading after which others have their turn. */
const sliceMs = 8

/** The compared pairs of `db`. */
export function createSimilarityStore(db: Database.Database): SimilarityStore {
  const selected = db.prepare<[string], Selected>(
    `SELECT a.id, a.name, a.content_hash AS contentHash, a.update_norm AS updateNorm
     FROM json_each(?) chosen JOIN adapters a ON a.id = chosen.value
     WHERE a.status = 'ok' AND a.content_hash IS NOT NULL ORDER BY chosen.key`,
  )
  const weightsOf = db.prepare<[string], { place: number; weights: number }>(
    `SELECT chosen.key AS place, w.weights_id AS weights FROM json_each(?) chosen JOIN compared_weights w ON w.content_hash = chosen.value`,
  )
  // Rows as lists: a thousand adapters have half a million pairs.
  const pairsAmong = db
    .prepare<[string, string], StoredPair>(
      `SELECT low, high FROM inner_products
       WHERE low IN (SELECT value FROM json_each(?)) AND high IN (SELECT value FROM json_each(?))`,
    )
    .raw()
  const pairsFrom = db
    .prepare<[number], readonly [high: number, cosine: number | null]>('SELECT high, cosine FROM inner_products WHERE low = ?')
    .raw()
  const links = db.prepare<[number], FamilyLink>(
    `SELECT x.id AS left, y.id AS right, p.cosine FROM inner_products p
     JOIN compared_weights l ON l.weights_id = p.low JOIN adapters x ON x.content_hash = l.content_hash
     JOIN compared_weights h ON h.weights_id = p.high JOIN adapters y ON y.content_hash = h.content_hash
     WHERE p.cosine >= ?`,
  )
  const twins = db.prepare<[], FamilyLink>(
    `SELECT x.id AS left, y.id AS right, 1.0 AS cosine FROM adapters x
     JOIN adapters y ON y.tensor_hash = x.tensor_hash AND y.seq > x.seq
     WHERE x.status <> 'refused' AND y.status <> 'refused' AND x.seq = (SELECT min(seq) FROM adapters WHERE tensor_hash = x.tensor_hash)`,
  )
  const named = db.prepare<[string], { id: string; name: string }>(
    'SELECT id, name FROM adapters WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq',
  )
  const addWeights = db.prepare('INSERT OR IGNORE INTO compared_weights (content_hash) VALUES (?)')
  const weightsId = db.prepare<[string], { id: number }>('SELECT weights_id AS id FROM compared_weights WHERE content_hash = ?')
  const addPair = db.prepare('INSERT OR IGNORE INTO inner_products (low, high, inner_product, cosine) VALUES (?, ?, ?, ?)')

  /** The adapters of `hashes` that were compared with any: their key among the pairs, and their place in `hashes`. */
  function placesOf(hashes: readonly string[]): ReadonlyMap<number, number> {
    return new Map(weightsOf.all(JSON.stringify(hashes)).map(({ place, weights }) => [weights, place]))
  }

  return {
    async similarity(ids) {
      const chosen = selected.all(JSON.stringify([...new Set(ids)]))
      const cosines = chosen.map((_, row) => chosen.map((_, column): number | null => (row === column ? 1 : null)))
      const places = placesOf(chosen.map(({ contentHash }) => contentHash))
      let pairsKnown = 0
      let turn = performance.now()
      for (const [low, left] of places) {
        for (const [high, cosine] of pairsFrom.all(low)) {
          const right = places.get(high)
          if (right === undefined) continue
          cosines[left]![right] = cosines[right]![left] = cosine
          pairsKnown++
        }
        if (performance.now() - turn < sliceMs) continue
        await setImmediate()
        turn = performance.now()
      }
      return {
        adapters: chosen.map(({ id, name, updateNorm }) => ({ id, name, updateNorm })),
        cosines,
        pairsKnown,
        pairsTotal: chosen.length < 2 ? 0 : (chosen.length * (chosen.length - 1)) / 2,
      }
    },
    families(threshold) {
      const groups = familiesOf([...links.all(threshold), ...twins.all()])
      const names = new Map(named.all(JSON.stringify(groups.flatMap(({ ids }) => ids))).map(({ id, name }) => [id, name]))
      const order = new Map([...names.keys()].map((id, place) => [id, place]))
      const families = groups.map(({ ids, lowest, highest }) => {
        const sorted = ids.toSorted((left, right) => order.get(left)! - order.get(right)!)
        return { ids: sorted, names: sorted.map((id) => names.get(id)!), lowest, highest }
      })
      // Largest first; of equal ones the one whose first member came first.
      families.sort((left, right) => right.ids.length - left.ids.length || order.get(left.ids[0]!)! - order.get(right.ids[0]!)!)
      return { threshold, families }
    },
    known(hashes) {
      const places = placesOf(hashes)
      const weights = JSON.stringify([...places.keys()])
      return pairsAmong.all(weights, weights).map(([low, high]) => {
        const [left, right] = [places.get(low)!, places.get(high)!]
        return [Math.min(left, right), Math.max(left, right)]
      })
    },
    put: (pairs) =>
      db.transaction(() => {
        const weights = new Map<string, number>()
        const idOf = (hash: string): number => {
          const known = weights.get(hash)
          if (known !== undefined) return known
          addWeights.run(hash)
          const { id } = weightsId.get(hash)!
          weights.set(hash, id)
          return id
        }
        for (const { left, right, innerProduct, cosine } of pairs) {
          const [one, other] = [idOf(left), idOf(right)]
          addPair.run(Math.min(one, other), Math.max(one, other), innerProduct, cosine)
        }
      })(),
  }
}
