/** Real full disks, lost rights, and files that change while they are read; and every call of the native core made to fail in turn. */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs' // prettier-ignore
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { isProblemCode } from '../../src-main/contract/problems.ts'
import { amalgam, root, runProgram } from './amalgam.ts'
import { assertTold, assertUnharmed, placeOf, spread, wordsOf, type FaultBench } from './faults.ts'
import { readTally, type FaultKind, type Shim } from './shim.ts'
import { assertSound, leftovers } from './state.ts'

interface Skipped {
  readonly skipped: string
}

/** Mounts a small disk at `folder` while `work` runs. */
async function withSmallDisk(folder: string, sizeBytes: number, work: () => Promise<void>): Promise<Skipped | void> {
  mkdirSync(folder, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder], { encoding: 'utf8' })
  if (mounted.status !== 0) return { skipped: `no disk can be mounted here (${(mounted.stderr || String(mounted.error)).trim()})` }
  try {
    await work()
  } finally {
    spawnSync('umount', ['-l', folder])
  }
}

/** Merge and export into a disk that is full, and into one on which the result does not fit. */
export async function fullOutputDisk(bench: FaultBench): Promise<Skipped | void> {
  const disk = join(bench.folder, 'small-disk')
  return withSmallDisk(disk, 3_000_000, async () => {
    for (const kind of ['merge', 'export'] as const)
      for (const freeBytes of [0, 40_000]) {
        const filler = join(disk, 'filler')
        fillDisk(filler, freeBytes)
        const place = { ...placeOf(bench, kind, `full-${kind}-${freeBytes}`), out: join(disk, 'out') }
        const run = await amalgam(wordsOf(kind, bench.pool, place))
        assert.equal(assertTold(run), 'disk-full')
        assert.equal(run.code, 3)
        assert.deepEqual(existsSync(place.out) ? readdirSync(place.out) : [], [], 'something stays on the full disk')
        rmSync(filler)
        mkdirSync(place.out, { recursive: true })
        await assertUnharmed(bench, kind, place, false)
        rmSync(place.out, { recursive: true })
      }
  })
}

/** A library on a disk that becomes full: the import is refused in words, what was there stays readable, and it goes on when there is room. */
export async function fullLibraryDisk(bench: FaultBench): Promise<Skipped | void> {
  const disk = join(bench.folder, 'library-disk')
  return withSmallDisk(disk, 6_000_000, async () => {
    const library = join(disk, 'library')
    cpSync(bench.prepared, library, { recursive: true })
    const filler = join(disk, 'filler')
    for (const freeBytes of [100_000, 4096, 0]) {
      fillDisk(filler, freeBytes)
      const run = await amalgam(['import', bench.pool.many, '--library', library, '--json'])
      assert.match(assertTold(run), /^library-(not-written|unreadable)$/)
      const listed = await amalgam(['ls', '--library', library, '--json'])
      // Not even the journal's index can be made on a disk without a free page; then it is said.
      if (listed.code === 0) assert.ok((JSON.parse(listed.out) as unknown[]).length >= 2)
      else assert.match(assertTold(listed), /^library-/)
      rmSync(filler)
      assert.ok(assertSound(library).checked >= 2, 'what was in the library is gone')
    }
    const after = await amalgam(['import', bench.pool.many, '--library', library, '--json'])
    assert.equal(after.code, 0, after.err)
    assert.equal(assertSound(library).checked, 62)
  })
}

/** Writes zeros until no more than `freeBytes` are left. */
function fillDisk(file: string, freeBytes: number): void {
  rmSync(file, { force: true })
  const chunk = Buffer.alloc(4096)
  try {
    for (;;) appendFileSync(file, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
  if (freeBytes > 0) truncateSync(file, Math.max(0, statSync(file).size - freeBytes))
}

/** Another process cuts, changes or replaces a source while it is merged and exported. */
export async function changedWhileRead(bench: FaultBench): Promise<void> {
  const codes = /^(file-changed|file-missing|file-unreadable|file-too-small|header-[a-z-]+|tensor-[a-z-]+|done all the same)(, |$)/
  const change: Readonly<Record<string, (file: string, whole: Buffer) => void>> = {
    cut: (file, whole) => truncateSync(file, Math.floor(whole.length / 2)),
    emptied: (file) => truncateSync(file, 0),
    changed: (file, whole) => writeFileSync(file, Buffer.from(whole).fill(0x11, whole.length - 4000)),
    removed: (file) => renameSync(file, `${file}.away`),
  }
  for (const kind of ['merge', 'export'] as const)
    for (const [name, damage] of Object.entries(change)) {
      const place = placeOf(bench, kind, `${kind}-${name}`)
      const file = join(bench.pool.pair, 'left/adapter_model.safetensors')
      const whole = readFileSync(file)
      const stamp = join(bench.folder, 'stamp')
      spawnSync('touch', ['-r', file, stamp])
      const running = amalgam(wordsOf(kind, bench.pool, place))
      await new Promise((resolve) => setTimeout(resolve, 350 + 40 * Object.keys(change).indexOf(name)))
      damage(file, whole)
      const run = await running
      assert.match(assertTold(run), codes, `${kind} of a source that was ${name}`)
      assert.deepEqual(leftovers(place.out), [])
      assertSound(place.library)
      // Size, time and inode as before: to the library it is the same file again.
      if (existsSync(`${file}.away`)) renameSync(`${file}.away`, file)
      else writeFileSync(file, whole)
      spawnSync('touch', ['-r', stamp, file])
      if (run.code !== 0) assert.deepEqual(readdirSync(place.out), [], 'a half output stays')
    }
}

/** Without the right to read sources, to write outputs, or to write the library; as another user, for root may do everything. */
export async function lostRights(bench: FaultBench): Promise<Skipped | void> {
  if (process.getuid?.() !== 0) return { skipped: 'only root can become another user' }
  const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const probe = spawnSync(through[0]!, [...through.slice(1), process.execPath, '-e', `require('fs').readdirSync(${JSON.stringify(root)})`])
  if (probe.status !== 0) return { skipped: 'the program is in a place that other users cannot read' }
  chmodSync(bench.folder, 0o755)
  const asNobody = { through, environment: { HOME: '/nonexistent' } }
  const own = (path: string): void => {
    chownSync(path, 65534, 65534)
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) own(join(path, name))
  }
  for (const kind of ['merge', 'export'] as const) {
    const place = placeOf(bench, kind, `rights-${kind}`)
    own(place.library)
    // The output folder belongs to root.
    const refusedOut = await amalgam(wordsOf(kind, bench.pool, place), asNobody)
    assert.equal(assertTold(refusedOut), 'write-failed')
    own(place.out)
    const weights = join(bench.pool.pair, 'left/adapter_model.safetensors')
    chmodSync(weights, 0o000)
    try {
      assert.match(assertTold(await amalgam(wordsOf(kind, bench.pool, place), asNobody)), /^file-(unreadable|missing)/)
    } finally {
      chmodSync(weights, 0o644)
    }
    assert.deepEqual(readdirSync(place.out), [])
    const worked = await amalgam(wordsOf(kind, bench.pool, place), asNobody)
    assert.equal(worked.code, 0, worked.out + worked.err)
    chownSync(place.library, 0, 0)
    chownSync(join(place.library, 'library.sqlite'), 0, 0)
    const readOnly = await amalgam(['import', bench.pool.many, '--library', place.library, '--json'], asNobody)
    assert.match(assertTold(readOnly), /^library-/)
    assertSound(place.library)
  }
}

const nativeRows: readonly (readonly [calls: string, path: string, kinds: readonly FaultKind[]])[] = [
  ['write', 'native-out', ['ENOSPC', 'EIO', 'SHORT']],
  ['sync', 'native-out', ['EIO', 'ENOSPC']],
  ['create', 'native-out', ['EACCES', 'ENOSPC', 'EROFS']],
  ['reserve', 'native-out', ['ENOSPC', 'EIO']],
  ['open', '/pool/', ['EACCES', 'EIO']],
  ['read', '/pool/', ['EIO', 'EOF', 'SHORT']],
]

/** The native core by itself: up to `most` calls of each kind fail, one in each run. Returns how many runs were struck. */
export async function nativeFaults(bench: FaultBench, shim: Shim, most: number): Promise<number | Skipped> {
  const engine = join(root, 'native/build/Release/engine_cli')
  if (!existsSync(engine)) return { skipped: 'the native core is not built' }
  const out = join(bench.folder, 'native-out.safetensors')
  const request = join(bench.folder, 'native-request.json')
  writeFileSync(request, JSON.stringify({ job: resolvedJob(bench), outFile: out, threads: 1 }))
  const tally = join(bench.folder, 'native.tally')
  const run = (environment: Readonly<Record<string, string>>) => runProgram([engine, 'merge', request], { environment, timeoutMs: 20_000 })
  assert.equal((await run({})).code, 0)
  const whole = readFileSync(out)
  rmSync(out)
  let struck = 0
  for (const [calls, path, kinds] of nativeRows) {
    await run(shim.environment({ calls, path, kind: 'EIO', nth: 0 }, tally))
    rmSync(out, { force: true })
    const { matched } = readTally(tally)
    assert.ok(matched > 0, `nothing matches ${calls} of ${path}`)
    for (const kind of kinds)
      for (const nth of spread(matched, most)) {
        const { code, err } = await run(shim.environment({ calls, path, kind, nth }, tally))
        struck += readTally(tally).struck
        const title = `${calls} ${nth}/${matched} ${kind}`
        if (code === 0) {
          assert.deepEqual(readFileSync(out), whole, `${title}: another result`)
          rmSync(out)
          continue
        }
        assert.ok(!existsSync(out), `${title}: a half-written file stays`)
        const told = JSON.parse(err.trim().split('\n').at(-1) ?? '') as { code?: string; message?: string; hint?: string }
        assert.ok(isProblemCode(told.code) && told.code !== 'internal', `${title}: ${err}`)
        assert.ok((told.message?.length ?? 0) > 10 && (told.hint?.length ?? 0) > 10, `${title}: no words or no hint: ${err}`)
        assert.ok(code === 1 || code === 3, `${title}: exit ${code}`)
      }
  }
  return struck
}

/** What the undisturbed merge of the bench ran, as the library keeps it. */
function resolvedJob({ folder }: FaultBench): unknown {
  const db = new Database(join(folder, 'undisturbed-merge/library/library.sqlite'), { readonly: true })
  const row = db.prepare<[], { resolved: string }>('SELECT resolved FROM jobs').get()
  db.close()
  return JSON.parse(row?.resolved ?? 'null') as unknown
}
