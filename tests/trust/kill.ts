/** kill -9 at random moments of import, merge and export: whatever the moment, nothing is half there and the work can be finished. */
import { strict as assert } from 'node:assert'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chance, type Chance } from '../unit/trust/random.ts'
import { amalgam, jsonOf, type Run } from './amalgam.ts'
import { makeTrustPool, smallAdapters, type TrustPool } from './pool.ts'
import { assertSound, hashTree, jobStates, leftovers } from './state.ts'

/** What is killed. */
export const killKinds = ['import', 'merge', 'export'] as const
type Kind = (typeof killKinds)[number]

/** One killed run and what was found after it. */
export interface Kill {
  readonly kind: Kind
  readonly from: 'start' | 'first word'
  readonly killedAfterMs: number
  /** False when the process had ended before. */
  readonly hit: boolean
  /** What the moment left, in a word: where in the work it was. */
  readonly left: string
}

interface Bench {
  readonly pool: TrustPool
  readonly poolHashes: Readonly<Record<string, string>>
  /** A library that knows the pair, copied for each merge and export. */
  readonly prepared: string
  readonly folder: string
  /** Of an undisturbed run: from its start to its first word, and from there to its end, in milliseconds. */
  readonly phases: Readonly<Record<Kind, { readonly startMs: number; readonly workMs: number }>>
  /** Files that an undisturbed run makes. */
  readonly made: Readonly<Record<'merge' | 'export', Readonly<Record<string, string>>>>
}

/**
 * Kills runs in turns of the three kinds until `count` of them died before their end; on a busy machine some end too early. Throws at the first
 * rule that does not hold, and when fewer than half are hit.
 */
export async function killRuns(count: number, seed: number, say: (line: string) => void): Promise<readonly Kill[]> {
  const bench = await openBench(say)
  const kills: Kill[] = []
  try {
    for (let number = 0, hits = 0; hits < count; number++) {
      if (number >= 2 * count) throw new Error(`only ${hits} of ${number} kills came before the end`)
      const kill = await killOne(bench, killKinds[number % killKinds.length]!, number, chance(seed * 100_003 + number))
      kills.push(kill)
      if (kill.hit) hits += 1
      say(`kill ${number + 1}: ${kill.kind}, ${kill.killedAfterMs.toFixed(0)} ms after its ${kill.from}, ${kill.left}`)
    }
    return kills
  } finally {
    rmSync(bench.folder, { recursive: true, force: true })
  }
}

/** Prepares the library and measures one undisturbed run of each kind. */
async function openBench(say: (line: string) => void): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-kill-'))
  const pool = makeTrustPool(join(folder, 'pool'))
  const prepared = join(folder, 'prepared')
  succeeded(await amalgam(['import', pool.pair, '--library', prepared, '--json']))
  const phases: Partial<Record<Kind, { readonly startMs: number; readonly workMs: number }>> = {}
  const made: Record<'merge' | 'export', Readonly<Record<string, string>>> = { merge: {}, export: {} }
  for (const kind of killKinds) {
    const place = placeOf(folder, `undisturbed-${kind}`)
    if (kind !== 'import') cpSync(prepared, place.library, { recursive: true })
    const { elapsedMs, firstWordMs } = succeeded(await amalgam(wordsOf(kind, pool, place)))
    const startMs = firstWordMs ?? elapsedMs / 2
    phases[kind] = { startMs, workMs: elapsedMs - startMs }
    if (kind !== 'import') made[kind] = weightsOf(hashTree(place.out))
    say(`undisturbed ${kind}: ${startMs.toFixed(0)} ms to the first word, ${elapsedMs.toFixed(0)} ms in all`)
  }
  return { pool, poolHashes: hashTree(pool.folder), prepared, folder, phases: phases as Bench['phases'], made }
}

interface Place {
  readonly library: string
  /** Where merge and export write: a folder that only they use. */
  readonly out: string
}

function placeOf(folder: string, name: string): Place {
  const place = { library: join(folder, name, 'library'), out: join(folder, name, 'out') }
  mkdirSync(place.out, { recursive: true })
  return place
}

function wordsOf(kind: Kind, pool: TrustPool, { library, out }: Place): readonly string[] {
  const common = ['--library', library, '--json']
  if (kind === 'import') return ['import', pool.many, ...common]
  if (kind === 'merge') return ['merge', pool.recipe, '--out', join(out, 'made'), ...common]
  return ['export', 'left', '--out', join(out, 'exported'), ...common]
}

async function killOne(bench: Bench, kind: Kind, number: number, random: Chance): Promise<Kill> {
  const place = placeOf(bench.folder, `${number}`)
  if (kind !== 'import') cpSync(bench.prepared, place.library, { recursive: true })
  const { startMs, workMs } = bench.phases[kind]
  // One in six dies before its work begins; the others while they work, which a busy machine makes begin earlier or later.
  const from = random.oneIn(6) ? 'start' : 'first word'
  const killedAfterMs = ((from === 'start' ? startMs : workMs) * random.below(10_000)) / 10_000
  const run = await amalgam(wordsOf(kind, bench.pool, place), { kill: { from, afterMs: killedAfterMs } })
  const hit = run.code === null
  if (!hit) succeeded(run)

  const found = assertSound(place.library)
  assertNothingHalf(bench, kind, place)
  const left = describe(kind, place, found, hit)

  // The next start of the app, whatever it is for, clears away what was in the making.
  succeeded(await amalgam(['jobs', '--library', place.library, '--json']))
  assert.deepEqual([...leftovers(place.out), ...leftovers(join(place.library, 'outputs'))], [], 'leftovers stay')
  assert.equal(
    jobStates(place.library).filter((state) => ['running', 'stopping'].includes(state)).length,
    0,
    'a dead job counts as running',
  )

  await finish(bench, kind, place)
  assertSound(place.library)
  assert.deepEqual(hashTree(bench.pool.folder), bench.poolHashes, 'a file of the pool was touched')
  rmSync(join(place.library, '..'), { recursive: true, force: true })
  return { kind, from, killedAfterMs, hit, left }
}

/** What stands under its final name is what an undisturbed run makes, byte for byte. */
function assertNothingHalf({ made }: Bench, kind: Kind, { out }: Place): void {
  if (kind === 'import') return
  const names = readdirSync(out).filter((name) => !name.startsWith('.'))
  if (names.length > 0)
    assert.deepEqual(weightsOf(Object.fromEntries(Object.entries(hashTree(out)).filter(([name]) => !name.startsWith('.')))), made[kind])
}

function describe(kind: Kind, { library, out }: Place, found: { adapters: number; checked: number }, hit: boolean): string {
  if (!hit) return 'ended before'
  if (kind === 'import') return `${found.adapters} listed, ${found.checked} checked`
  const partial = readdirSync(out).some((name) => name.endsWith('.partial'))
  const whole = readdirSync(out).some((name) => !name.startsWith('.'))
  return `job ${jobStates(library).at(-1) ?? 'not begun'}, output ${whole ? 'whole' : partial ? 'in the making' : 'not begun'}`
}

/** Does the work again, or what is left of it, and asserts that it is all there. */
async function finish({ pool, made }: Bench, kind: Kind, place: Place): Promise<void> {
  const words = wordsOf(kind, pool, place)
  if (kind === 'import') {
    succeeded(await amalgam(words))
  } else if (kind === 'merge' && existsSync(join(place.out, 'made'))) {
    // Killed after the folder was in place: it is whole, and only needs to be known.
    succeeded(await amalgam(['import', join(place.out, 'made'), '--library', place.library, '--json']))
  } else if (!existsSync(join(place.out, 'exported'))) {
    succeeded(await amalgam(words))
  }
  const rows = jsonOf<readonly { name: string; status: string }[]>(await amalgam(['ls', '--library', place.library, '--json']))
  assert.ok(rows.every(({ status }) => status === 'ok'), `not all are ok: ${JSON.stringify(rows.map(({ status }) => status))}`) // prettier-ignore
  assert.equal(rows.length, { import: smallAdapters, merge: 3, export: 2 }[kind])
  if (kind !== 'import') assert.deepEqual(weightsOf(hashTree(place.out)), made[kind])
}

/** Weights and config decide what an adapter is; the card names the moment at which it was made. */
function weightsOf(hashes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(hashes).filter(([name]) => !name.endsWith('README.md')))
}

function succeeded(run: Run): Run {
  assert.equal(run.code, 0, `${run.out.slice(0, 800)}\n${run.err.slice(0, 800)}`)
  return run
}
