import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { migrations } from '../../../src-main/library/migrations/index.ts'
import { openDatabase } from '../../../src-main/library/open-database.ts'
import { openLibrary } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { temporaryFolder } from './support.ts'

const now = new Date('2026-01-02T03:04:05.678Z')
const first = { version: 1, name: 'one', sql: 'CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (41)' }
const second = { version: 2, name: 'two', sql: 'UPDATE a SET x = x + 1' }
const broken = { version: 2, name: 'bad', sql: 'UPDATE a SET x = 0; UPDATE nothing SET x = 1' }

function refusalOf(work: () => unknown): Refusal {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('nothing was refused')
}
const valueIn = (file: string) => {
  const db = new Database(file, { readonly: true })
  const row = db.prepare<[], { x: number }>('SELECT x FROM a').get()
  const version = db.pragma('user_version', { simple: true })
  db.close()
  return { x: row?.x, version }
}

test('the migrations are numbered from 1 without gaps', () => {
  expect(migrations.map((migration) => migration.version)).toEqual(migrations.map((_, index) => index + 1))
})

test('a new library needs no copy and is set up for safety', () => {
  const { db, backup } = openDatabase(join(temporaryFolder(), 'deep/er/library.sqlite'), migrations, now)
  expect(backup).toBeNull()
  const pragma = (name: string) => db.pragma(name, { simple: true })
  expect([pragma('journal_mode'), pragma('foreign_keys'), pragma('synchronous'), pragma('busy_timeout'), pragma('user_version')]).toEqual([
    'wal',
    1,
    1,
    5000,
    migrations.length, // prettier-ignore
  ])
  const tables = db.prepare<[], { name: string; strict: number }>(
    "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
  )
  expect(tables.all().filter((table) => table.strict === 0)).toEqual([])
  expect(tables.all().length).toBeGreaterThan(8)
  db.close()
})

describe('migrating', () => {
  test('an existing library copies it first', () => {
    const file = join(temporaryFolder(), 'library.sqlite')
    openDatabase(file, [first], now).db.close()
    const { db, backup } = openDatabase(file, [first, second], now)
    db.close()
    expect(backup).toBe(join(file, '../backups/library-2026-01-02T030405678Z.sqlite'))
    expect(valueIn(file)).toEqual({ x: 42, version: 2 })
    expect(valueIn(backup ?? '')).toEqual({ x: 41, version: 1 })
  })

  test('that cannot be backed up does not begin', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'library.sqlite')
    openDatabase(file, [first], now).db.close()
    writeFileSync(join(folder, 'backups'), 'no folder')
    expect(refusalOf(() => openDatabase(file, [first, second], now)).problems).toMatchObject([{ code: 'library-unreadable' }])
    expect(valueIn(file)).toEqual({ x: 41, version: 1 })
  })

  test('that fails leaves the library as it was', () => {
    const file = join(temporaryFolder(), 'library.sqlite')
    openDatabase(file, [first], now).db.close()
    expect(refusalOf(() => openDatabase(file, [first, broken], now)).problems).toMatchObject([{ code: 'library-unreadable' }])
    expect(valueIn(file)).toEqual({ x: 41, version: 1 })
  })

  test('is done once', () => {
    const file = join(temporaryFolder(), 'library.sqlite')
    for (let i = 0; i < 3; i++) openDatabase(file, [first, second], now).db.close()
    expect(readdirSync(join(file, '..'))).toEqual(['library.sqlite'])
    expect(valueIn(file)).toEqual({ x: 42, version: 2 })
  })
})

describe('a library that cannot be opened', () => {
  test('was written by a newer version: refused and untouched', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'library.sqlite')
    openDatabase(file, [first, second, { ...second, version: 3 }], now).db.close()
    const before = readFileSync(file)
    const refusal = refusalOf(() => openDatabase(file, [first], now))
    expect(refusal.problems).toMatchObject([{ code: 'library-newer', severity: 'error', where: { path: file, value: '3' } }])
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(readdirSync(folder)).toEqual(['library.sqlite'])
  })

  test('was written by a newer version that has not been written back from the journal yet: refused and untouched too', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'library.sqlite')
    const copies = temporaryFolder()
    const copy = join(copies, 'library.sqlite')
    openDatabase(file, [first], now).db.close()
    const { db } = openDatabase(file, [first, second], now)
    for (const ending of ['', '-wal']) copyFileSync(`${file}${ending}`, `${copy}${ending}`)
    db.close()
    const before = ['', '-wal'].map((ending) => readFileSync(`${copy}${ending}`))
    expect(before[0]!.readUInt32BE(60)).toBe(1)
    expect(refusalOf(() => openDatabase(copy, [first], now)).problems).toMatchObject([{ code: 'library-newer', where: { value: '2' } }])
    expect(['', '-wal'].map((ending) => readFileSync(`${copy}${ending}`))).toEqual(before)
    expect(readdirSync(copies).sort()).toEqual(['library.sqlite', 'library.sqlite-wal'])
  })

  test.each<[string, string, (file: string) => void]>([
    [
      'is no database',
      'library-corrupt',
      (file) => writeFileSync(file, 'not a database at all, but as long as a page of one; '.repeat(20)),
    ],
    ['is cut off', 'library-corrupt', (file) => writeFileSync(file, 'SQLite format 3\0')],
    ['is a folder', 'library-unreadable', (file) => mkdirSync(file)],
  ])('%s', (_, code, make) => {
    const folder = temporaryFolder()
    const file = join(folder, 'library.sqlite')
    make(file)
    expect(refusalOf(() => openLibrary({ folder, log: silentLog })).problems).toMatchObject([
      { code, severity: 'error', where: { path: file }, hint: expect.any(String) },
    ])
  })

  test('lies below a file', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    expect(refusalOf(() => openLibrary({ folder: join(folder, 'file/library'), log: silentLog })).problems).toMatchObject([
      { code: 'library-unreadable' },
    ])
  })
})

test('an empty file is a new library', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'library.sqlite'), '')
  const library = openLibrary({ folder, log: silentLog })
  expect(library.adapters.facets().total).toBe(0)
  library.close()
  expect(existsSync(join(folder, 'library.sqlite'))).toBe(true)
})
