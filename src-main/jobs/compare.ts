import * as v from 'valibot'
import { stringify } from 'yaml'
import { adapterVariants, isMergeable, type AdapterDetail, type AdapterRow } from '../contract/adapter.ts'
import { nearDuplicateCosine } from '../contract/inspection.ts'
import { errorProblem, hasError, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import type { Engine } from '../engine/engine.ts'
import type { CompareAdapter } from '../engine/replies.ts'
import { unknownAdapter } from '../library/edit-adapters.ts'
import type { StoredJob } from '../library/job-store.ts'
import type { ComparedPair, SimilarityStore } from '../library/similarity-store.ts'
import { weightsFileOf } from '../recipes/adapter-source.ts'
import { checkSources, type CheckedStamp } from './check-sources.ts'
import type { CompareInput } from './compare-input.ts'
import { blockWork, planBlocks, type CompareBlock, type CompareSize } from './compare-plan.ts'
import { stopIfAsked } from './import-output.ts'
import type { PreparedJob, RunContext, Runner, RunOutcome } from './runner.ts'

/** What a comparison needs of the rest of the app. */
export interface CompareServices {
  readonly engine: Pick<Engine, 'compare'>
  readonly adapters: { get(id: string): AdapterDetail | null; byIds(ids: readonly string[]): AdapterRow[] }
  readonly similarities: Pick<SimilarityStore, 'known' | 'put'>
  readonly checkedStamp: CheckedStamp
  /** Hears the ids of adapters that turned out to be near duplicates. */
  readonly emitChanged: (ids: readonly string[]) => void
}

/** What a comparison did, in pairs. */
export interface CompareResult {
  readonly adapters: number
  readonly leftOut: number
  readonly pairs: number
  /** Compared by an earlier job. */
  readonly knownBefore: number
  readonly compared: number
}

/** The adapters of a job, as it is kept. */
const keptSchema = v.object({ kind: v.literal('compare'), ids: v.array(v.string()) })
/** Above this the pairs would take days and gigabytes. */
const mostAdapters = 5000

/** An adapter that can be compared; what is read anew for each block is left out. */
interface Comparable extends CompareSize {
  readonly id: string
  readonly name: string
  readonly contentHash: string
  readonly norm: number | null
}

/** Compares every pair of a selection, block by block. A finished block is kept: a job that is stopped or killed goes on behind it. */
export function createCompareRunner(services: CompareServices): Runner<CompareInput> {
  const { adapters, engine, similarities } = services

  /** The weights file and factors of an adapter as it is now; a problem when it is not what was checked. */
  function sourceOf({ id, name }: Comparable): CompareAdapter | Problem {
    const adapter = adapters.get(id)
    if (!adapter) return unknownAdapter(id)
    const weightsFile = weightsFileOf(adapter.paths)
    if (weightsFile === null) return errorProblem('file-missing', `The files of ${name} are not where they were.`)
    const [changed] = checkSources({ adapters: [{ name, weightsFile }] }, services.checkedStamp)
    if (changed) return changed
    const modules = adapter.modules.map(({ name, tensorA, tensorB, rank, scaling, in: input, out }) => ({
      ...{ name, a: tensorA, b: tensorB, rank, scaling, in: input, out },
    }))
    return { weightsFile, modules }
  }

  /** Compares a block and keeps its pairs. Adapters that cannot be read are put into `dropped`, and the others compared without them. */
  async function compareBlock(
    block: CompareBlock,
    chosen: readonly Comparable[],
    dropped: Map<number, Problem>,
    run: { readonly signal: AbortSignal; readonly onFraction: (fraction: number) => void },
  ): Promise<void> {
    for (;;) {
      const places = new Map<string, number>()
      const load = (side: readonly number[]) =>
        side.flatMap((place) => {
          if (dropped.has(place)) return []
          const source = sourceOf(chosen[place]!)
          if ('code' in source) dropped.set(place, source)
          else places.set(source.weightsFile, place)
          return 'code' in source ? [] : [{ place, source }]
        })
      const left = load(block.left)
      const right = block.right && load(block.right)
      if (left.length === 0 || (right ?? left).length === 0) return
      const request = { left: left.map(({ source }) => source), right: right?.map(({ source }) => source) ?? null }
      try {
        const onProgress = ({ fraction }: { readonly fraction: number }) => run.onFraction(fraction)
        const { gram } = await engine.compare(request, { signal: run.signal, onProgress })
        keep(gram, left, right, chosen)
        return
      } catch (error) {
        const problem = error instanceof Refusal ? error.problems[0] : undefined
        const place = problem?.where?.path === undefined ? undefined : places.get(problem.where.path)
        if (problem === undefined || place === undefined || problem.code === 'cancelled') throw error
        dropped.set(place, problem)
      }
    }
  }

  function keep(
    gram: readonly (readonly number[])[],
    left: readonly { readonly place: number }[],
    right: readonly { readonly place: number }[] | null,
    chosen: readonly Comparable[],
  ): void {
    const pairs: ComparedPair[] = []
    const near = new Set<string>()
    left.forEach(({ place }, row) => {
      const one = chosen[place]!
      const others = right ?? left
      for (let column = right ? 0 : row + 1; column < others.length; column++) {
        const other = chosen[others[column]!.place]!
        const innerProduct = gram[row]![column]!
        const cosine = cosineOf(innerProduct, one.norm, other.norm)
        pairs.push({ left: one.contentHash, right: other.contentHash, innerProduct, cosine })
        if (cosine !== null && cosine >= nearDuplicateCosine) near.add(one.id).add(other.id)
      }
    })
    similarities.put(pairs)
    if (near.size > 0) services.emitChanged([...near])
  }

  async function run(stored: StoredJob, context: RunContext): Promise<RunOutcome> {
    const { ids } = v.parse(keptSchema, JSON.parse(stored.resolved))
    const { chosen, problems } = choose(ids)
    if (hasError(problems)) throw new Refusal(problems)
    const hashes = chosen.map(({ contentHash }) => contentHash)
    const before = similarities.known(hashes)
    const blocks = planBlocks(chosen, before)
    const total = blocks.reduce((sum, block) => sum + blockWork(block, chosen), 0)
    const open = pairsOf(chosen.length) - before.length
    context.note(`${open} of ${pairsOf(chosen.length)} pairs of ${chosen.length} adapters are open, in ${blocks.length} blocks`)
    const dropped = new Map<number, Problem>()
    const began = performance.now()
    let done = 0
    for (const block of blocks) {
      stopIfAsked(context)
      const work = blockWork(block, chosen)
      const onFraction = (fraction: number) => context.report(progressOf((done + fraction * work) / total, open, performance.now() - began))
      onFraction(0)
      await compareBlock(block, chosen, dropped, { signal: context.signal, onFraction })
      done += work
    }
    const compared = similarities.known(hashes).length - before.length
    const result: CompareResult = {
      adapters: chosen.length - dropped.size,
      leftOut: ids.length - chosen.length + dropped.size,
      pairs: pairsOf(chosen.length - dropped.size),
      knownBefore: before.length,
      compared,
    }
    const remarks = [...dropped.values()].map((problem): Problem => ({ ...problem, severity: 'warning' }))
    return { adapterId: null, result, problems: [...problems, ...remarks] }
  }

  /** The adapters of `ids` that can be compared, in the order in which they came to the library, and why the others cannot. */
  function choose(ids: readonly string[]): { readonly chosen: readonly Comparable[]; readonly problems: readonly Problem[] } {
    const distinct = [...new Set(ids)]
    if (distinct.length > mostAdapters) return { chosen: [], problems: [tooMany(distinct.length)] }
    const problems: Problem[] = []
    const chosen = distinct.flatMap((id): Comparable[] => {
      const adapter = adapters.get(id)
      const problem = adapter ? leftOut(adapter) : { ...unknownAdapter(id), severity: 'warning' as const }
      if (problem) problems.push(problem)
      if (!adapter || problem || adapter.contentHash === null) return []
      const { name, contentHash, updateNorm: norm, modules } = adapter
      const units = Math.max(...modules.map(({ rank }) => rank))
      return [{ id, name, contentHash, norm, units, sides: Math.max(...modules.map((module) => module.in + module.out)) }]
    })
    if (chosen.length >= 2) return { chosen, problems }
    const hint = 'Choose at least two adapters that are checked and readable.'
    return { chosen, problems: [errorProblem('too-few-adapters', 'There is no pair to compare.', { hint }), ...problems] }
  }

  return {
    prepare({ ids }) {
      const { chosen, problems } = choose(ids)
      if (hasError(problems)) return { problems }
      const kept = { kind: 'compare', ids: [...new Set(ids)] } satisfies v.InferOutput<typeof keptSchema>
      const job: PreparedJob = {
        title: `Compare ${chosen.length} adapters`,
        recipe: stringify({ compare: chosen.map(({ id, name }) => ({ adapter: id, name })) }),
        resolved: JSON.stringify(kept),
        fingerprint: null,
        provenance: {},
        problems: [...problems],
      }
      return { job }
    },
    run,
    inputOf: ({ resolved }) => ({ ids: v.parse(keptSchema, JSON.parse(resolved)).ids }),
    // Nothing but finished blocks is ever written.
    cleanUp: () => Promise.resolve(),
  }
}

/** inner / (|x| |y|), within -1 and 1 whatever rounding says; null where an update is zero. */
function cosineOf(innerProduct: number, left: number | null, right: number | null): number | null {
  const norms = (left ?? 0) * (right ?? 0)
  return norms > 0 ? Math.max(-1, Math.min(1, innerProduct / norms)) : null
}

function pairsOf(count: number): number {
  return count < 2 ? 0 : (count * (count - 1)) / 2
}

function progressOf(fraction: number, pairs: number, elapsedMs: number) {
  const seconds = elapsedMs / 1000
  return {
    stage: 'comparing',
    fraction,
    rate: seconds > 0 ? (fraction * pairs) / seconds : 0,
    unit: 'pairs',
    etaSeconds: fraction > 0 && seconds > 1 ? (seconds * (1 - fraction)) / fraction : null,
  }
}

/** Why an adapter is left out of comparisons; null when it is not. */
function leftOut(adapter: AdapterDetail): Problem | null {
  const { id, name, status, variant } = adapter
  const where = { value: id }
  if (status === 'missing') return warningProblem('file-missing', `${name} is left out: its files are not where they were.`, { where })
  if (status === 'checking') return warningProblem('adapter-not-checked', `${name} is left out: it is still being checked.`, { where })
  if (isMergeable(adapter) && adapter.modules.length > 0) return null
  const reason = status === 'refused' ? 'it was refused' : `of its kind, ${adapterVariants[variant].label}, no low-rank update is defined`
  return warningProblem('adapter-not-mergeable', `${name} is left out: ${reason}.`, { where })
}

function tooMany(count: number): Problem {
  return errorProblem('too-many-adapters', `${count} adapters were chosen; at most ${mostAdapters} are compared in one job.`, {
    where: { field: 'ids', value: String(count) },
    hint: 'Filter the library first, for example by base model.',
  })
}
