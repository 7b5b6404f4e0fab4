/** Two processes on one library: reading and importing beside a window, one job at a time, one window at a time; newer libraries; log files. */
import { strict as assert } from 'node:assert'
import { spawn, type ChildProcess } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { migrations } from '../../src-main/library/migrations/index.ts'
import { amalgam, jsonOf, root, type Run } from './amalgam.ts'
import { makeTrustPool, smallAdapters, type TrustPool } from './pool.ts'
import { assertSound, hashTree } from './state.ts'

export interface Instances {
  readonly folder: string
  readonly pool: TrustPool
  readonly library: string
}

export async function withInstances(work: (instances: Instances) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-instances-'))
  try {
    const pool = makeTrustPool(join(folder, 'pool'))
    const library = join(folder, 'library')
    succeeded(await amalgam(['import', pool.pair, '--library', library, '--json']))
    await work({ folder, pool, library })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A web host that is running: the process of an open window. */
async function startHost(library: string): Promise<{ readonly child: ChildProcess; readonly url: string; stop(): Promise<number | null> }> {
  const child = spawn(process.execPath, [join(root, 'src-main/web.ts'), '--library', library, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let err = ''
  child.stderr!.on('data', (chunk) => (err += String(chunk)))
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (chunk) => {
      text += String(chunk)
      const url = /"url":\s*"([^"]+)"/.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`the web host ended with ${code}: ${err}`)))
  })
  return {
    child,
    url,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

/** The command line reads and imports beside an open window; a second window is refused in words; after a kill the next one opens. */
export async function besideAWindow({ library, pool }: Instances): Promise<void> {
  const host = await startHost(library)
  const [imported, listed] = await Promise.all([
    amalgam(['import', pool.many, '--library', library, '--json']),
    amalgam(['ls', '--library', library, '--json']),
  ])
  assert.equal(jsonOf<{ counts: { imported: number } }>(succeeded(imported)).counts.imported, smallAdapters)
  assert.ok(jsonOf<unknown[]>(succeeded(listed)).length >= 2)
  const second = await amalgam(['serve', '--library', library, '--json'], { timeoutMs: 20_000 })
  assert.equal(second.code, 1)
  const [problem] = jsonOf<{ problems: { code: string; hint: string }[] }>(second).problems
  assert.deepEqual([problem?.code, problem?.hint.includes('close it first')], ['library-in-use', true])
  const restore = await amalgam(['restore-backup', 'newest', '--library', library, '--json'])
  assert.deepEqual([restore.code, jsonOf<{ problems: { code: string }[] }>(restore).problems[0]?.code], [1, 'library-in-use'])
  host.child.kill('SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const third = await startHost(library)
  assert.equal(await third.stop(), 0)
  assert.deepEqual(assertSound(library), { adapters: smallAdapters + 2, checked: smallAdapters + 2 })
}

interface JobTimes {
  readonly state: string
  readonly began: number
  readonly ended: number
}

/** Three merges started at once in three processes, while a window is open that takes up left work: all are done, one after the other. */
export async function oneJobAtATime({ folder, library, pool }: Instances): Promise<void> {
  const host = await startHost(library)
  const merges = await Promise.all(
    [1, 2, 3].map((number) => amalgam(['merge', pool.recipe, '--out', join(folder, `out-${number}`), '--library', library, '--json'])),
  )
  // The first has made an adapter; the others made the same one again, which is known.
  for (const run of merges) succeeded(run)
  assert.equal(await host.stop(), 0)
  const db = new Database(join(library, 'library.sqlite'), { readonly: true })
  const jobs = db
    .prepare<[], { state: string; started_at: string; ended_at: string }>(
      'SELECT state, started_at, ended_at FROM jobs ORDER BY started_at',
    )
    .all()
    .map(({ state, started_at: began, ended_at: ended }): JobTimes => ({ state, began: Date.parse(began), ended: Date.parse(ended) }))
  db.close()
  assert.deepEqual(jobs.map(({ state }) => state), ['done', 'done', 'done']) // prettier-ignore
  for (const [index, job] of jobs.entries())
    assert.ok(index === 0 || job.began >= jobs[index - 1]!.ended, `two jobs ran at once: ${JSON.stringify(jobs)}`)
}

/** A window that opens while a command merges leaves that job alone. */
export async function runningJobsAreLeftAlone({ folder, library, pool }: Instances): Promise<void> {
  const merging = amalgam(['merge', pool.recipe, '--out', join(folder, 'left-alone'), '--library', library, '--json'])
  await new Promise((resolve) => setTimeout(resolve, 400))
  const host = await startHost(library)
  succeeded(await amalgam(['jobs', '--library', library, '--json']))
  succeeded(await merging)
  assert.equal(await host.stop(), 0)
}

/** Ten commands begin a library at the same moment. */
export async function beginTogether({ folder, pool }: Instances): Promise<void> {
  const library = join(folder, 'begun-together')
  const runs = await Promise.all(Array.from({ length: 10 }, () => amalgam(['import', pool.pair, '--library', library, '--json'])))
  for (const run of runs) succeeded(run)
  assert.deepEqual(assertSound(library), { adapters: 2, checked: 2 })
}

/** A library of a newer version is refused by the command line and by the web host, and not one byte of its folder changes. */
export async function newerLibrary({ folder, library }: Instances): Promise<void> {
  for (const withJournal of [false, true]) {
    const newer = join(folder, `newer-${withJournal}`)
    mkdirSync(newer)
    const made = join(newer, 'library.sqlite')
    cpSync(join(library, 'library.sqlite'), `${made}.made`)
    const db = new Database(`${made}.made`)
    db.pragma('journal_mode = WAL')
    db.pragma('wal_autocheckpoint = 0')
    db.exec('CREATE TABLE of_the_future (x INTEGER)')
    db.pragma(`user_version = ${migrations.length + 7}`)
    if (withJournal) cpSync(`${made}.made-wal`, `${made}-wal`)
    else db.pragma('wal_checkpoint(TRUNCATE)')
    cpSync(`${made}.made`, made)
    db.close()
    for (const name of readdirSync(newer)) if (name.includes('.made')) rmSync(join(newer, name))
    const before = hashTree(newer)
    for (const command of [['ls'], ['import', folder], ['serve']]) {
      const run = await amalgam([...command, '--library', newer, '--json'])
      assert.deepEqual([run.code, jsonOf<{ problems: { code: string }[] }>(run).problems[0]?.code], [1, 'library-newer'])
    }
    const after = hashTree(newer)
    // The window's lock and the log are files of their own.
    const rest = Object.fromEntries(Object.entries(after).filter(([name]) => name !== 'window.lock' && !name.startsWith('logs/')))
    assert.deepEqual(rest, before)
  }
}

/** Two processes write one log past its size: it is renewed once, no line is torn or lost. */
export async function rotateTogether({ folder }: Instances): Promise<void> {
  const file = join(folder, 'logs-of-two/app.log')
  const lines = 1200
  const script = join(folder, 'log-writer.mjs')
  writeFileSync(
    script,
    `const { openFileLog } = await import(${JSON.stringify(join(root, 'src-main/platform/log.ts'))})
const [, , file, name] = process.argv
const log = openFileLog({ file, rotationBytes: 60_000 })
for (let number = 0; number < ${lines}; number++) { log.info(\`\${name} \${number}\`); if (number % 50 === 0) await new Promise((done) => setTimeout(done, 1)) }
await log.close()`,
  )
  const writers = ['left', 'right'].map(
    (name) =>
      new Promise<number | null>((resolve) => spawn(process.execPath, [script, file, name], { stdio: 'inherit' }).once('exit', resolve)),
  )
  assert.deepEqual(await Promise.all(writers), [0, 0])
  const files = readdirSync(join(file, '..'))
  assert.deepEqual(files.sort(), ['app.log', 'app.log.1'])
  for (const name of files) assert.ok(statSync(join(file, '..', name)).size < 61_000, `${name} grew beyond its size`)
  const text = files.map((name) => readFileSync(join(file, '..', name), 'utf8')).join('')
  assert.ok(text.split('\n').filter(Boolean).every((line) => /^\S+Z info {2}(left|right) \d+$/.test(line)), 'a line is torn') // prettier-ignore
  // Two times the size and a bit more was written, so that one renewal was needed and nothing had to go.
  for (const name of ['left', 'right'])
    for (let number = 0; number < lines; number++) assert.ok(text.includes(` ${name} ${number}\n`), `line ${number} of ${name} is lost`)
}

function succeeded(run: Run): Run {
  assert.equal(run.code, 0, `${run.out.slice(0, 800)}\n${run.err.slice(0, 800)}`)
  return run
}
