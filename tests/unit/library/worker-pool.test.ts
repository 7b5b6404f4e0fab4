import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { createLane } from '../../../src-main/library/lane.ts'
import { gatherChanges } from '../../../src-main/library/gather-changes.ts'
import { stampOf } from '../../../src-main/library/read-file.ts'
import { createWorkerPool, type WorkerPool } from '../../../src-main/library/worker-pool.ts'
import { writeBack } from '../../../src-main/library/write-back.ts'
import { workerFile } from '../../../src-main/platform/worker-file.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { temporaryFolder } from './support.ts'

function openPool(size: number): WorkerPool {
  const pool = createWorkerPool(workerFile('library/read-worker'), size)
  onTestFinished(() => pool.close())
  return pool
}

test('tasks of every kind come back, also when there are more of them than threads', async () => {
  const folder = makeAdapter(join(temporaryFolder(), 'a'))
  const pool = openPool(1)
  const parts: unknown[] = []
  const [scan, read, [stamp], [gone]] = await Promise.all([
    pool.run('scan', [folder], { onPart: (events) => parts.push(...events) }),
    pool.run('read', [{ folder, known: null }]),
    pool.run('stamp', [folder]),
    pool.run('stamp', [join(folder, 'none')]),
  ])
  expect(scan).toBeNull()
  expect(parts).toEqual([{ kind: 'found', folder }])
  expect(read).toMatchObject([{ kind: 'listing', folder, listing: { name: 'a', stamp, refused: false } }])
  expect(gone).toBeNull()
  expect(await pool.run('read', [{ folder, known: stamp ?? '' }])).toEqual([{ kind: 'unchanged', folder, stamp }])
})

test('a task can be stopped in the middle', async () => {
  const path = join(temporaryFolder(), 'adapter_model.safetensors')
  const header = Buffer.from('{"x":{"dtype":"U8","shape":[6000000000],"data_offsets":[0,6000000000]}}')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  writeFileSync(path, Buffer.concat([length, header]))
  // Six gigabytes of nothing, which take seconds to hash.
  truncateSync(path, 8 + header.length + 6_000_000_000)
  const stop = new AbortController()
  const hashing = openPool(1).run(
    'hash',
    { path, stamp: stampOf(statSync(path, { bigint: true })), part: 'whole' },
    { signal: stop.signal },
  )
  setTimeout(() => stop.abort(), 50)
  expect(await hashing).toBeNull()
})

test('closing rejects what waits and what comes later', async () => {
  const pool = openPool(1)
  const folder = temporaryFolder()
  const waiting = Promise.allSettled([pool.run('stamp', [folder]), pool.run('stamp', [folder])])
  await pool.close()
  expect((await waiting).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  await expect(pool.run('stamp', [folder])).rejects.toThrow('closed')
})

test('a task that fails rejects, and its thread goes on', async () => {
  const pool = openPool(1)
  await expect(pool.run('writeBack', join(temporaryFolder(), 'none.sqlite'))).rejects.toThrow()
  expect(await pool.run('stamp', [])).toEqual([])
})

test('writing back moves the journal into the database beside the connection that writes', () => {
  const file = join(temporaryFolder(), 'x.sqlite')
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE t (x TEXT)')
  db.prepare('INSERT INTO t VALUES (?)').run('y'.repeat(500_000))
  const before = statSync(file).size
  writeBack(file)
  expect(statSync(file).size).toBeGreaterThan(before + 400_000)
  db.prepare('INSERT INTO t VALUES (?)').run('z')
  expect(db.prepare<[], { n: number }>('SELECT count(*) AS n FROM t').get()?.n).toBe(2)
  db.close()
})

test('a lane runs as many at once as it is wide, in order, urgent ones first', async () => {
  const lane = createLane(2)
  const log: string[] = []
  const piece = (name: string) => async () => {
    log.push(`+${name}`)
    await new Promise((resolve) => setImmediate(resolve))
    log.push(`-${name}`)
  }
  const failing = lane.run(() => Promise.reject(new Error('x')))
  await Promise.all([
    lane.run(piece('a')),
    lane.run(piece('b')),
    lane.run(piece('c')),
    lane.run(piece('now'), true),
    expect(failing).rejects.toThrow('x'),
  ])
  expect(log.indexOf('+now')).toBeLessThan(log.indexOf('+b'))
  expect(log.filter((entry) => entry.startsWith('+') && entry !== '+now')).toEqual(['+a', '+b', '+c'])
  let running = 0
  for (const entry of log) {
    running += entry.startsWith('+') ? 1 : -1
    expect(running).toBeLessThanOrEqual(2)
  }
})

test('changes go out at once, then gathered, each id once', async () => {
  const told: (readonly string[])[] = []
  const changes = gatherChanges((ids) => told.push(ids))
  changes.add(['a'])
  changes.add(['b'])
  changes.add(['c', 'b'])
  expect(told).toEqual([['a']])
  await expect.poll(() => told, { timeout: 5000 }).toEqual([['a'], ['b', 'c']])
  changes.add(['d'])
  changes.flush()
  expect(told.at(-1)).toEqual(['d'])
})
