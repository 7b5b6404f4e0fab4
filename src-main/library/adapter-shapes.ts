import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { adapterVariants, type AdapterVariant } from '../contract/adapter.ts'
import { fitsBase, type BaseShape, type FittedModule } from './fit-base.ts'
import { unpackModules } from './pack-modules.ts'
import type { BaseMatches } from './base-types.ts'

/**
 * Which adapters fit which base model. The adapters of a pool share a few lists of names and shapes of target modules: each list is stored once, and
 * fitting is decided once for each of them and not for each adapter.
 */
export interface AdapterShapes {
  /** Looks at adapters that came or changed since; in slices, so that nothing else waits. `signal` stops it, and the rest is for the next time. */
  read(signal?: AbortSignal): Promise<void>
  /** How many adapters fit. */
  count(base: BaseShape): number
  matches(base: BaseShape): BaseMatches
}

interface Packed {
  readonly seq: number
  readonly modules: string
}

/** Adapters looked at before others have their turn; the texts of large ones have some ten thousand characters. */
const batchSize = 20

/** The shapes in `db`. */
export function createAdapterShapes(db: Database.Database): AdapterShapes {
  const unread = db.prepare<[number], Packed>(
    `SELECT m.adapter_seq AS seq, m.modules FROM adapter_modules m LEFT JOIN adapter_shapes s ON s.adapter_seq = m.adapter_seq
     WHERE s.adapter_seq IS NULL ORDER BY m.adapter_seq LIMIT ?`,
  )
  const shapeOf = db.prepare<[string], number>('SELECT shape_id FROM module_shapes WHERE hash = ?').pluck()
  const addShape = db.prepare('INSERT INTO module_shapes (hash, modules) VALUES (?, ?)')
  const setShape = db.prepare('INSERT OR REPLACE INTO adapter_shapes (adapter_seq, shape_id) VALUES (?, ?)')
  const modulesOf = db.prepare<[number], string>('SELECT modules FROM module_shapes WHERE shape_id = ?').pluck()
  const usable = db.prepare<[], { variant: AdapterVariant; shape: number; count: number }>(
    `SELECT a.variant, s.shape_id AS shape, count(*) AS count FROM adapters a JOIN adapter_shapes s ON s.adapter_seq = a.seq
     WHERE a.status <> 'refused' GROUP BY a.variant, s.shape_id`,
  )
  const all = db.prepare<[], { id: string; name: string; status: string; variant: AdapterVariant; shape: number | null }>(
    `SELECT a.id, a.name, a.status, a.variant, s.shape_id AS shape FROM adapters a LEFT JOIN adapter_shapes s ON s.adapter_seq = a.seq
     ORDER BY a.name COLLATE NOCASE, a.seq`,
  )
  const decided = new Map<string, Map<number, string | null>>()

  const readBatch = (): number =>
    db
      .transaction(() => {
        const batch = unread.all(batchSize)
        for (const { seq, modules } of batch) {
          const hash = hashOf(modules)
          const shape = shapeOf.get(hash) ?? Number(addShape.run(hash, JSON.stringify(sidesIn(modules))).lastInsertRowid)
          setShape.run(seq, shape)
        }
        return batch.length
      })
      .immediate()

  /** Why a list of modules does not fit; null when it does. Decided once for each base shape and list. */
  function misfit(base: BaseShape, shape: number): string | null {
    const { layers, hidden, intermediate, heads, kvHeads, headDim } = base
    const key = [layers, hidden, intermediate, heads, kvHeads, headDim].join()
    const known = decided.get(key) ?? new Map<number, string | null>()
    decided.set(key, known)
    const before = known.get(shape)
    if (before !== undefined) return before
    const reason = fitsBase(JSON.parse(modulesOf.get(shape)!) as FittedModule[], base)
    known.set(shape, reason)
    return reason
  }

  return {
    async read(signal) {
      while (signal?.aborted !== true && readBatch() === batchSize) await setImmediate()
    },
    count: (base) =>
      usable
        .all()
        .filter(({ variant, shape }) => adapterVariants[variant].mergeable && misfit(base, shape) === null)
        .reduce((sum, { count }) => sum + count, 0),
    matches(base) {
      const fitting: BaseMatches['fitting'][number][] = []
      const others: BaseMatches['others'][number][] = []
      for (const { id, name, status, variant, shape } of all.all()) {
        const reason = reasonOf(status, variant) ?? (shape === null ? 'It was not looked at yet.' : misfit(base, shape))
        if (reason === null) fitting.push({ id, name })
        else others.push({ id, name, reason })
      }
      return { fitting, others }
    },
  }
}

/** Why an adapter cannot be evaluated with any base model; null when it can. */
function reasonOf(status: string, variant: AdapterVariant): string | null {
  if (status === 'refused') return 'It was refused when it was imported; its problems say why.'
  const { label, mergeable, meaning } = adapterVariants[variant]
  return mergeable ? null : `It is not a plain LoRA (${label}). ${meaning}`
}

/** Packed modules are { kinds, spellings, rows }; a kind begins with the sides and goes on with rank, alpha and more. */
interface PackedKinds {
  readonly kinds: readonly (readonly [input: number, output: number, ...rest: unknown[]])[]
}

const afterKinds = ',"spellings":'
const beforeRows = ',"rows":'

/** The same for adapters whose modules have the same names, sides and order; the rows, by far the longest part, are not parsed for it. */
function hashOf(modules: string): string {
  const end = modules.indexOf(afterKinds)
  const rows = modules.indexOf(beforeRows, end)
  const hash = createHash('sha256')
  if (end < 0 || rows < 0) return hash.update(modules).digest('hex')
  const { kinds } = JSON.parse(`${modules.slice(0, end)}}`) as PackedKinds
  hash.update(JSON.stringify(kinds.map(([input, output]) => [input, output])))
  return hash.update(modules.slice(rows)).digest('hex')
}

function sidesIn(modules: string): readonly FittedModule[] {
  return unpackModules(modules, null).map(({ name, in: input, out }) => ({ name, in: input, out }))
}
