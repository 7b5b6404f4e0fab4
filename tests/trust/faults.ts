/** Faults of the file system while import, merge and export run: each is told as a problem with a hint, and nothing half-written stays. */
import { strict as assert } from 'node:assert'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodeOf } from '../../src-main/command-line/command.ts'
import { isProblemCode, type Problem } from '../../src-main/contract/problems.ts'
import { amalgam, jsonOf, type Run, type RunOptions } from './amalgam.ts'
import { makeTrustPool, smallAdapters, type TrustPool } from './pool.ts'
import { readTally, type Fault, type FaultKind, type Shim } from './shim.ts'
import { assertSound, hashTree, leftovers } from './state.ts'

export type Kind = 'import' | 'merge' | 'export'

interface Row {
  readonly kind: Kind
  readonly calls: string
  readonly path: 'made-here' | 'library.sqlite' | '/pool/' | '/logs/'
  readonly faults: readonly FaultKind[]
  readonly onwards?: boolean
}

/** What is made to fail, where. "made-here" is the folder that a merge or an export writes. */
const rows: readonly Row[] = [
  { kind: 'merge', calls: 'write', path: 'made-here', faults: ['ENOSPC', 'SHORT'] },
  { kind: 'merge', calls: 'sync', path: 'made-here', faults: ['EIO'] },
  { kind: 'merge', calls: 'create,mkdir,rename', path: 'made-here', faults: ['EACCES'] },
  { kind: 'merge', calls: 'reserve', path: 'made-here', faults: ['ENOSPC'] },
  { kind: 'merge', calls: 'read', path: '/pool/', faults: ['EIO', 'EOF'] },
  { kind: 'merge', calls: 'write,sync', path: 'library.sqlite', faults: ['EIO'] },
  { kind: 'merge', calls: 'write', path: 'library.sqlite', faults: ['ENOSPC'], onwards: true },
  { kind: 'merge', calls: 'write,create', path: '/logs/', faults: ['ENOSPC'], onwards: true },
  { kind: 'export', calls: 'write', path: 'made-here', faults: ['EIO', 'SHORT'] },
  { kind: 'export', calls: 'sync,create,mkdir,rename', path: 'made-here', faults: ['EROFS'] },
  { kind: 'export', calls: 'read', path: '/pool/', faults: ['EOF', 'SHORT'] },
  { kind: 'export', calls: 'open', path: '/pool/', faults: ['EACCES'] },
  { kind: 'import', calls: 'read', path: '/pool/', faults: ['EIO', 'EOF', 'SHORT'] },
  { kind: 'import', calls: 'open', path: '/pool/', faults: ['EACCES'] },
  { kind: 'import', calls: 'write', path: 'library.sqlite', faults: ['ENOSPC'], onwards: true },
  { kind: 'import', calls: 'write,sync,create', path: 'library.sqlite', faults: ['EIO'] },
  { kind: 'import', calls: 'read', path: 'library.sqlite', faults: ['EIO'] },
]

export interface FaultBench {
  readonly folder: string
  readonly pool: TrustPool
  readonly poolHashes: Readonly<Record<string, string>>
  readonly prepared: string
  readonly made: Readonly<Record<Kind, Readonly<Record<string, string>>>>
}

export interface Place {
  readonly library: string
  readonly out: string
}

/** A pool, a library that knows the pair, and what an undisturbed merge and export make. */
export async function openFaultBench(): Promise<FaultBench> {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-faults-'))
  const pool = makeTrustPool(join(folder, 'pool'), { hidden: 64, intermediate: 64, keyValue: 64 })
  const prepared = join(folder, 'prepared')
  assert.equal((await amalgam(['import', pool.pair, '--library', prepared, '--json'])).code, 0)
  const bench: FaultBench = { folder, pool, poolHashes: {}, prepared, made: { import: {}, merge: {}, export: {} } }
  const made: Partial<Record<Kind, Readonly<Record<string, string>>>> = { import: {} }
  for (const kind of ['merge', 'export'] as const) {
    const place = placeOf(bench, kind, `undisturbed-${kind}`)
    assert.equal((await amalgam(wordsOf(kind, pool, place))).code, 0)
    made[kind] = weightsOf(place.out)
  }
  return { ...bench, poolHashes: hashTree(pool.folder), made: made as FaultBench['made'] }
}

export function closeFaultBench({ folder }: FaultBench): void {
  rmSync(folder, { recursive: true, force: true })
}

export function placeOf({ folder, prepared }: FaultBench, kind: Kind, name: string): Place {
  const place = { library: join(folder, name, 'library'), out: join(folder, name, 'out') }
  mkdirSync(place.out, { recursive: true })
  if (kind !== 'import') cpSync(prepared, place.library, { recursive: true })
  return place
}

export function wordsOf(kind: Kind, pool: TrustPool, { library, out }: Place): readonly string[] {
  const common = ['--library', library, '--json']
  if (kind === 'import') return ['import', pool.many, ...common]
  const target = join(out, 'made-here')
  return kind === 'merge' ? ['merge', pool.recipe, '--out', target, ...common] : ['export', 'left', '--out', target, ...common]
}

/** Every row with `most` calls each, from the first to the last that matches. Returns how many runs were struck, and by what answer they ended. */
export async function injectFaults(
  bench: FaultBench,
  shim: Shim,
  most: number,
  say: (line: string) => void,
): Promise<{ readonly struck: number; readonly endings: Readonly<Record<string, number>> }> {
  const endings: Record<string, number> = {}
  let struck = 0
  for (const [index, row] of rows.entries()) {
    const counted = await runWith(bench, shim, row, { ...row, kind: 'EIO', nth: 0 }, `count-${index}`)
    assert.ok(counted.matched > 0, `nothing matches ${row.kind} ${row.calls} ${row.path}`)
    for (const kind of row.faults)
      for (const nth of spread(counted.matched, most)) {
        const fault = { calls: row.calls, path: row.path, kind, nth, ...(row.onwards && { onwards: true }) }
        const title = `${row.kind}: ${row.calls} of ${row.path} ${nth}/${counted.matched} ${kind}${row.onwards ? ' from there on' : ''}`
        try {
          const result = await runWith(bench, shim, row, fault, `${index}-${kind}-${nth}`)
          if (result.struck > 0) struck += 1
          endings[result.ending] = (endings[result.ending] ?? 0) + 1
          say(`${title}: ${result.ending}`)
        } catch (error) {
          throw new Error(title, { cause: error })
        }
      }
  }
  return { struck, endings }
}

/** First, last and some between. */
export function spread(last: number, most: number): readonly number[] {
  if (last <= most) return Array.from({ length: last }, (_, index) => index + 1)
  if (most === 1) return [Math.ceil(last / 2)]
  return [...new Set(Array.from({ length: most }, (_, index) => 1 + Math.round((index * (last - 1)) / (most - 1))))]
}

async function runWith(bench: FaultBench, shim: Shim, { kind }: Row, fault: Fault, name: string) {
  const place = placeOf(bench, kind, name)
  const tally = join(bench.folder, `${name}.tally`)
  const run = await amalgam(wordsOf(kind, bench.pool, place), { environment: shim.environment(fault, tally) })
  const tallied = readTally(tally)
  const ending = assertTold(run)
  await assertUnharmed(bench, kind, place, run.code === 0)
  rmSync(join(place.library, '..'), { recursive: true, force: true })
  return { ...tallied, ending }
}

/** Every problem has a code of its own and a hint, and the exit code is the one that belongs to it. Returns the ending in a word. */
export function assertTold(run: Run): string {
  const { problems = [], items = [] } = jsonOf<{ problems?: Problem[]; items?: { status: string; problems: Problem[] }[] }>(run)
  const told = [...problems, ...items.filter(({ status }) => status !== 'duplicate').flatMap((item) => item.problems)]
  const errors = told.filter(({ severity }) => severity === 'error')
  for (const { code, message, hint } of errors) {
    assert.ok(isProblemCode(code) && code !== 'internal', `${code}: ${message}\n${run.err.slice(0, 1000)}`)
    assert.ok(message.length > 10 && (hint?.length ?? 0) > 10, `${code} has no words or no hint: ${message}`)
  }
  if (run.code === 0) return 'done all the same'
  assert.ok(errors.length > 0, `exit ${run.code} without a problem: ${run.out.slice(0, 500)}${run.err.slice(0, 500)}`)
  assert.equal(run.code, exitCodeOf(errors))
  return [...new Set(errors.map(({ code }) => code))].sort().join(', ')
}

/** Nothing is half there, the library is sound, no file of a person changed, and the work can be done afterwards. */
export async function assertUnharmed(bench: FaultBench, kind: Kind, place: Place, done: boolean, options: RunOptions = {}): Promise<void> {
  assertSound(place.library)
  if (kind !== 'import') {
    const names = readdirSync(place.out)
    assert.deepEqual(leftovers(place.out), [], 'something in the making stays')
    if (names.length > 0) assert.deepEqual(weightsOf(place.out), bench.made[kind], 'the output is not whole')
    if (done) assert.deepEqual(names, ['made-here'])
  }
  if (bench.poolHashes !== undefined && Object.keys(bench.poolHashes).length > 0)
    assert.deepEqual(hashTree(bench.pool.folder), bench.poolHashes, 'a file of the pool was touched')
  if (kind === 'import' || !existsSync(join(place.out, 'made-here'))) {
    const again = await amalgam(wordsOf(kind, bench.pool, place), options)
    assert.equal(again.code, 0, `it cannot be done afterwards: ${again.out.slice(0, 600)}${again.err.slice(0, 600)}`)
  }
  const after = assertSound(place.library)
  if (kind === 'import') assert.deepEqual(after, { adapters: smallAdapters, checked: smallAdapters })
  else assert.deepEqual(weightsOf(place.out), bench.made[kind])
}

function weightsOf(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(hashTree(folder)).filter(([name]) => !name.endsWith('README.md')))
}
