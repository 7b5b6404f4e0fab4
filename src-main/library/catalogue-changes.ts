import type Database from 'better-sqlite3'

/** Which adapters changed since they were last asked for, whoever changed them. */
export interface CatalogueChanges {
  /** True when another process wrote to the library: anything may have changed, and every adapter counts as changed. */
  readonly elsewhere: () => boolean
  /** At most `limit` changed adapters (seq); they count as known from then on. 0 stands for the near duplicates. */
  readonly take: (limit: number) => readonly number[]
}

/** The mark among changed adapters for a change of the compared pairs. */
export const comparedPairs = 0

/**
 * Notes what this connection changes by triggers of its own (nothing of them is in the file), and by the data version what others change. The
 * notes take part in transactions: what is rolled back did not change.
 */
export function watchChanges(db: Database.Database): CatalogueChanges {
  db.exec('CREATE TEMP TABLE changed_adapters (seq INTEGER PRIMARY KEY)')
  const watched: readonly (readonly [table: string, seq: (row: 'new' | 'old') => string])[] = [
    ['adapters', (row) => `${row}.seq`],
    ['adapter_paths', (row) => `${row}.adapter_seq`],
    ['adapter_tags', (row) => `${row}.adapter_seq`],
    ['adapter_collections', (row) => `${row}.adapter_seq`],
    ['inner_products', () => String(comparedPairs)],
  ]
  for (const [table, seq] of watched) {
    // A statement that fires a trigger imposes its own way with conflicts, so that none may come up here.
    const note = (row: 'new' | 'old') =>
      `INSERT INTO changed_adapters SELECT ${seq(row)} WHERE NOT EXISTS (SELECT 1 FROM changed_adapters WHERE seq = ${seq(row)});`
    db.exec(`CREATE TEMP TRIGGER noted_insert_${table} AFTER INSERT ON ${table} BEGIN ${note('new')} END;
      CREATE TEMP TRIGGER noted_update_${table} AFTER UPDATE ON ${table} BEGIN ${note('old')} ${note('new')} END;
      CREATE TEMP TRIGGER noted_delete_${table} AFTER DELETE ON ${table} BEGIN ${note('old')} END;`)
  }
  const version = db.prepare<[], number>('PRAGMA data_version').pluck() as unknown as { get(): number }
  const noteAll = db.prepare(`INSERT OR IGNORE INTO changed_adapters SELECT seq FROM adapters UNION ALL SELECT ${comparedPairs}`)
  const first = db.prepare<[number], number>('SELECT seq FROM changed_adapters ORDER BY seq LIMIT ?').pluck() as unknown as {
    all(limit: number): number[]
  }
  const forget = db.prepare('DELETE FROM changed_adapters WHERE seq <= ?')
  let seen: number | null = null
  return {
    elsewhere() {
      const now = version.get()
      if (now === seen) return false
      seen = now
      noteAll.run()
      return true
    },
    take(limit) {
      const seqs = first.all(limit)
      if (seqs.length > 0) forget.run(seqs.at(-1))
      return seqs
    },
  }
}
