/** Libraries that were damaged on the disk: noticed, explained, and put right without anything being thrown away. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { RequestInput, RequestName, RequestOutput } from '../../../src-main/contract/bridge.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { createPathAccess } from '../../../src-main/host/path-access.ts'
import { createApp, type App } from '../../../src-main/ipc/app.ts'
import { backUpWhenDue } from '../../../src-main/library/back-up-daily.ts'
import { isBackupDue, listBackups, makeBackup } from '../../../src-main/library/backups.ts'
import { openLibrary } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { appPaths } from '../../../src-main/platform/paths.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { runCli } from '../cli/run-cli.ts'
import { chance } from './random.ts'

const folders: string[] = []
const opened: App[] = []
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-recovery-'))
  folders.push(folder)
  return folder
}

function open(folder: string): App {
  const paths = appPaths({ libraryFolder: join(folder, 'library'), resources: join(folder, 'resources'), renderer: folder })
  const app = createApp({
    ...{ kind: 'electron', version: '1.2.3', paths, access: createPathAccess([paths.library, join(folder, 'pool')]), log: silentLog },
    ...{ clock: () => new Date(), canPick: true, pickFolder: async () => null, pickFile: async () => null, pickAdapters: async () => [] },
    ...{ reveal: async () => undefined, preventSleep: () => () => undefined },
  })
  opened.push(app)
  return app
}

async function ask<K extends RequestName>(app: App, name: K, input: RequestInput<K>): Promise<RequestOutput<K>> {
  const reply = await app.dispatch(name, input)
  if (!reply.ok) throw new Error(JSON.stringify(reply.problems))
  return reply.value as RequestOutput<K>
}
const refusal = async (app: App, name: RequestName, input: unknown): Promise<readonly Problem[]> => {
  const reply = await app.dispatch(name, input)
  return reply.ok ? [] : reply.problems
}

/** A library with `count` adapters and one backup of all but the last. */
async function madeLibrary(count = 3): Promise<{ readonly folder: string; readonly file: string }> {
  const folder = scratch()
  const app = open(folder)
  for (let index = 0; index < count; index++) {
    if (index === count - 1) {
      const db = new Database(join(folder, 'library/library.sqlite'))
      makeBackup(db, join(folder, 'library/library.sqlite'), new Date('2026-02-03T04:05:06.007Z'))
      db.close()
    }
    const { id } = await ask(app, 'library.import', { paths: [makeAdapter(join(folder, `pool/adapter-${index}`), { seed: index + 1 })] })
    await app.services.importer.finished(id ?? '')
  }
  await app.close()
  opened.splice(0)
  const file = join(folder, 'library/library.sqlite')
  const db = new Database(file)
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  return { folder, file }
}

const damages: readonly (readonly [string, (file: string) => void])[] = [
  ['a text file', (file) => writeFileSync(file, 'this was a library once '.repeat(500))],
  ['an empty file', (file) => truncateSync(file, 0)],
  ['no file at all', (file) => rmSync(file)],
  ['a file cut to half', (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2))],
  ['a file cut inside the header', (file) => truncateSync(file, 60)],
  ['a header of zeros', (file) => overwrite(file, 0, Buffer.alloc(100))],
  ['a page of zeros', (file) => overwrite(file, 4096, Buffer.alloc(4096))],
  ['half of all pages of noise', (file) => noisePages(file)],
]

function overwrite(file: string, at: number, bytes: Buffer): void {
  const all = readFileSync(file)
  bytes.copy(all, at)
  writeFileSync(file, all)
}

function noisePages(file: string): void {
  const all = readFileSync(file)
  const random = chance(11)
  for (let page = 1; page < all.length / 4096; page += 2) for (let at = 0; at < 4096; at++) all[page * 4096 + at] = random.below(256)
  writeFileSync(file, all)
}

describe.each(damages)('a library that became %s', (_, damage) => {
  test('is offered its backup, which is put in its place', async () => {
    const { folder, file } = await madeLibrary()
    damage(file)
    const damaged = existsSync(file) ? readFileSync(file) : null
    const app = open(folder)
    const { recovery } = await ask(app, 'app.info', {})
    expect(recovery).toMatchObject({
      problem: { code: 'library-corrupt', severity: 'error', where: { path: file }, hint: expect.stringContaining('restore-backup') },
      backups: [{ at: '2026-02-03T04:05:06.007Z', adapters: 2 }],
    })
    for (const name of ['library.list', 'jobs.list', 'settings.get', 'library.facets'] as const)
      expect(await refusal(app, name, {})).toMatchObject([{ code: 'library-corrupt' }])
    expect(() => app.services).toThrow(/damaged/)
    expect(await refusal(app, 'recovery.restore', { path: join(folder, 'pool') })).toMatchObject([{ code: 'backup-unknown' }])

    expect(await ask(app, 'recovery.restore', { path: recovery!.backups[0]!.path })).toEqual({ problems: [] })
    expect((await ask(app, 'app.info', {})).recovery).toBeNull()
    const { rows } = await ask(app, 'library.list', {})
    expect(rows.map(({ name, status }) => [name, status])).toEqual([['adapter-0', 'ok'], ['adapter-1', 'ok']]) // prettier-ignore
    const kept = readdirSync(join(folder, 'library')).filter((name) => /\.damaged-\d{4}-\d\d-\d\dT\d{9}Z$/.test(name))
    expect(kept).toHaveLength(damaged === null ? 0 : 1)
    if (damaged) expect(readFileSync(join(folder, 'library', kept[0]!)).length).toBeGreaterThanOrEqual(damaged.length)
    expect(await refusal(app, 'recovery.startEmpty', {})).toMatchObject([{ code: 'request-invalid' }])
    expect(existsSync(recovery!.backups[0]!.path)).toBe(true)
  })
})

test('an empty library can be begun instead; the damaged one and its backups are kept', async () => {
  const { folder, file } = await madeLibrary()
  writeFileSync(file, 'nothing')
  const app = open(folder)
  const backups = (await ask(app, 'app.info', {})).recovery!.backups
  expect(await ask(app, 'recovery.startEmpty', {})).toEqual({ problems: [] })
  expect((await ask(app, 'library.list', {})).total).toBe(0)
  await app.close()
  expect(readdirSync(join(folder, 'library')).filter((name) => name.includes('.damaged-'))).toHaveLength(1)
  const left = listBackups(file)
  expect(left.map(({ at, adapters }) => ({ at, adapters }))).toEqual(backups.map(({ at, adapters }) => ({ at, adapters })))
  // Out of the rotation: it survives any number of later backups.
  const db = new Database(file)
  for (let day = 1; day <= 8; day++) makeBackup(db, file, new Date(`2026-03-0${day}T00:00:00.000Z`))
  db.close()
  expect(listBackups(file).map(({ at }) => at.slice(5, 10))).toEqual(['03-08', '03-07', '03-06', '03-05', '03-04', '02-03'])
})

test('flipped bytes in 24 libraries: noticed at the start, or every answer is a value or a known problem', async () => {
  const cases = 24
  const { folder, file } = await madeLibrary(4)
  const whole = readFileSync(file)
  const seen = { noticed: 0, open: 0 }
  for (let number = 0; number < cases; number++) {
    const random = chance(number)
    const bytes = Buffer.from(whole)
    for (let count = 1 + random.below(8); count > 0; count--) {
      const page = random.below(bytes.length / 4096)
      bytes[page * 4096 + random.below(random.oneIn(2) ? 100 : 4096)]! ^= 1 << random.below(8)
    }
    const place = join(folder, `copy-${number}`)
    mkdirSync(join(place, 'library'), { recursive: true })
    writeFileSync(join(place, 'library/library.sqlite'), bytes)
    let app: App
    try {
      app = open(place)
    } catch (error) {
      // A version from the future, or a file format that this SQLite does not write.
      expect(String(error)).toMatch(/^Refusal: /)
      seen.noticed += 1
      continue
    }
    const { recovery } = await ask(app, 'app.info', {})
    seen[recovery ? 'noticed' : 'open'] += 1
    for (const name of ['library.list', 'library.facets', 'jobs.list', 'library.lastImport'] as const)
      for (const problem of await refusal(app, name, {})) expect(problem.code).toBe('library-corrupt')
    await app.close()
    opened.splice(0)
  }
  expect(seen.noticed).toBeGreaterThan(5)
}, 120_000)

describe('backups', () => {
  test('are made when the newest is a day old, not in an empty library, and the last five are kept', async () => {
    const { file } = await madeLibrary()
    const at = (day: number, hour = 0): Date => new Date(Date.UTC(2026, 5, day, hour))
    expect(isBackupDue(file, new Date('2026-02-04T04:05:06.006Z'))).toBe(false)
    expect(isBackupDue(file, new Date('2026-02-04T04:05:06.007Z'))).toBe(true)
    for (let day = 1; day <= 6; day++) for (const hour of [0, 23]) await backUpWhenDue(file, at(day, hour), silentLog)
    const backups = listBackups(file)
    expect(backups.map((backup) => backup.at.slice(8, 10))).toEqual(['06', '05', '04', '03', '02'])
    expect(backups.every(({ adapters }) => adapters === 3)).toBe(true)

    const empty = scratch()
    openLibrary({ folder: empty, log: silentLog }).close()
    await backUpWhenDue(join(empty, 'library.sqlite'), at(1), silentLog)
    expect(listBackups(join(empty, 'library.sqlite'))).toEqual([])
  })

  test('of a damaged library are not made, so that no good one is rotated away; what a killed process left is removed', async () => {
    const { folder, file } = await madeLibrary()
    const backups = join(folder, 'library/backups')
    writeFileSync(join(backups, 'library-2026-02-02T000000000Z.sqlite.999999999.partial'), 'half')
    noisePages(file)
    const warnings: string[] = []
    await backUpWhenDue(file, new Date(), { ...silentLog, warn: (message) => warnings.push(message) })
    expect(warnings).toEqual(['the library could not be backed up'])
    expect(listBackups(file)).toHaveLength(1)
    copyFileSync(listBackups(file)[0]!.path, file)
    await backUpWhenDue(file, new Date(), silentLog)
    expect(readdirSync(backups).filter((name) => name.includes('partial'))).toEqual([])
    expect(listBackups(file)).toHaveLength(2)
  })

  test('the command line names the way, lists and restores', async () => {
    const { folder, file } = await madeLibrary()
    const words = ['--library', join(folder, 'library'), '--json']
    overwrite(file, 4096, Buffer.alloc(8192))
    const refused = await runCli(['ls', ...words])
    expect([refused.code, refused.json<{ problems: Problem[] }>().problems[0]?.code]).toEqual([1, 'library-corrupt'])
    const { backups } = (await runCli(['restore-backup', ...words])).json<{ backups: { path: string; adapters: number }[] }>()
    expect(backups.map(({ adapters }) => adapters)).toEqual([2])
    expect((await runCli(['restore-backup', 'nothing.sqlite', ...words])).code).toBe(1)
    const done = await runCli(['restore-backup', 'newest', ...words])
    expect([done.code, done.json<{ restored: string }>().restored]).toEqual([0, backups[0]!.path])
    expect((await runCli(['ls', ...words])).json<unknown[]>()).toHaveLength(2)
  })
})
