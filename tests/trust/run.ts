/**
 * node tests/trust/run.ts [PART ...]: the tests of trust, one line each, and a closing line "trust: N passed, N failed, N skipped".
 * `kill --count 200 --seed 1 --record` runs the long version of one part and writes its figures to docs/benchmarks.
 */
import { inspect, parseArgs } from 'node:util'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { root } from './amalgam.ts'
import { changedWhileRead, fullLibraryDisk, fullOutputDisk, lostRights, nativeFaults } from './disk.ts'
import { closeFaultBench, injectFaults, openFaultBench, type FaultBench } from './faults.ts'
import {
  beginTogether,
  besideAWindow,
  newerLibrary,
  oneJobAtATime,
  rotateTogether,
  runningJobsAreLeftAlone,
  withInstances,
} from './instances.ts'
import { killKinds, killRuns, type Kill } from './kill.ts'
import { bundlesHoldNoClient, walkWithoutNetwork } from './network.ts'
import { buildShim } from './shim.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string' }, record: { type: 'boolean' }, verbose: { type: 'boolean' } },
})
const counts = { passed: 0, failed: 0, skipped: 0 }
const say = values.verbose || values.record ? (line: string): void => console.log(`      ${line}`) : (): void => undefined

/** What a test may end with instead of passing. */
export interface Skipped {
  readonly skipped: string
}

async function attempt(title: string, work: () => Promise<Skipped | string | void>): Promise<void> {
  const begun = performance.now()
  try {
    const told = await work()
    if (typeof told === 'object') {
      counts.skipped += 1
      console.log(`skip  ${title}: ${told.skipped}`)
      return
    }
    counts.passed += 1
    console.log(`pass  ${title}${told ? `: ${told}` : ''} in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  } catch (error) {
    counts.failed += 1
    console.log(`FAIL  ${title}: ${inspect(error)}`)
  }
}

/** Writes the figures of a long run; the machine's name and paths stay out. */
function record(name: string, figures: Readonly<Record<string, unknown>>): void {
  const machine = { cores: cpus().length, processor: cpus()[0]?.model ?? 'unknown', memoryBytes: totalmem(), node: process.versions.node }
  writeFileSync(join(root, 'docs/benchmarks', `${name}.json`), `${JSON.stringify({ ...figures, machine }, null, 2)}\n`)
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  async kill() {
    const count = Number(values.count ?? 9)
    const seed = Number(values.seed ?? 1)
    await attempt(`${count} runs killed at random moments of import, merge and export`, async () => {
      const begun = performance.now()
      const kills = await killRuns(count, seed, say)
      if (values.record) {
        const perKind = Object.fromEntries(killKinds.map((kind) => [kind, figuresOf(kills.filter((kill) => kill.kind === kind))]))
        record('kill', {
          kills: count,
          runs: kills.length,
          seed,
          broken: 0,
          seconds: Math.round((performance.now() - begun) / 1000),
          perKind,
        })
      }
      return `${kills.length - count} more ended before they could be killed`
    })
  },
  async instances() {
    await withInstances(async (instances) => {
      await attempt('the command line works beside a window, and a second window is refused', () => besideAWindow(instances))
      await attempt('of three merges in three processes one runs at a time', () => oneJobAtATime(instances))
      await attempt('a window that opens leaves the running job of a command alone', () => runningJobsAreLeftAlone(instances))
      await attempt('ten commands begin one library', () => beginTogether(instances))
      await attempt('a library of a newer version is refused and stays as it is', () => newerLibrary(instances))
      await attempt('two processes renew one log', () => rotateTogether(instances))
    })
  },
  async faults() {
    await attempt('faults of the file system while import, merge and export run', () =>
      withFaults(async (bench) => {
        const shim = buildShim(bench.folder)
        if ('skipped' in shim) return shim
        const begun = performance.now()
        const { struck, endings } = await injectFaults(bench, shim, Number(values.count ?? 1), say)
        if (values.record) record('faults', { struck, endings, seconds: Math.round((performance.now() - begun) / 1000) })
        return `${struck} runs were struck`
      }),
    )
  },
  async network() {
    await attempt('the built app holds one server and no client', bundlesHoldNoClient)
    await attempt('the walk in a network namespace with nothing but loopback', walkWithoutNetwork)
  },
  async disk() {
    await withFaults(async (bench) => {
      const shim = buildShim(bench.folder)
      await attempt('faults of the file system in the native core', async () => {
        if ('skipped' in shim) return shim
        const struck = await nativeFaults(bench, shim, Number(values.count ?? 12))
        return typeof struck === 'number' ? `${struck} runs were struck` : struck
      })
      await attempt('sources that another process changes while they are read', () => changedWhileRead(bench))
      await attempt('rights that are lost', () => lostRights(bench))
      await attempt('an output disk that is full', () => fullOutputDisk(bench))
      await attempt("a library's disk that is full", () => fullLibraryDisk(bench))
    })
  },
}

async function withFaults<T>(work: (bench: FaultBench) => Promise<T>): Promise<T> {
  const bench = await openFaultBench()
  try {
    return await work(bench)
  } finally {
    closeFaultBench(bench)
  }
}

/** How often the runs of one kind were killed where. Numbers of adapters are left out, so that equal moments are counted together. */
function figuresOf(kills: readonly Kill[]): Readonly<Record<string, unknown>> {
  const moments = kills.map(({ left }) => left.replaceAll(/[1-9]\d* (listed|checked)/g, 'some $1'))
  return { killed: kills.length, beforeTheEnd: kills.filter(({ hit }) => hit).length, moments: countBy(moments) }
}

function countBy(words: readonly string[]): Readonly<Record<string, number>> {
  const counted: Record<string, number> = {}
  for (const word of words) counted[word] = (counted[word] ?? 0) + 1
  return counted
}

const unknown = positionals.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}. Parts: ${Object.keys(parts).join(', ')}.`)
  process.exit(2)
}
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) await parts[name]!()
console.log(`trust: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
