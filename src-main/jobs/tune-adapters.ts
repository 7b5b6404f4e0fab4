import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { AdapterModule } from '../contract/adapter.ts'
import type { LearnOutcome } from '../engine/learn-request.ts'
import { choiceOf, flagOf } from './adapt-params.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { meanCoefficients, type LearnedSum } from './learned-sum.ts'
import { madeAdapter, makeAdapterFolder } from './overlay-source.ts'

/**
 * The chosen adapters, or random stand-ins of the same deviations where the parameters ask for them (recycling-loras.md 4.4): one's own LoRA stays
 * as it is where it is put first, and its numbers do not count in the deviations.
 */
export async function replaceByRandom(
  chosen: readonly UsableAdapter[],
  { params, own, input }: Pick<ResolvedAdaptation, 'params' | 'own' | 'input'>,
  { engine }: Pick<AdaptServices, 'engine'>,
  context: AdaptContext,
): Promise<readonly UsableAdapter[]> {
  if (choiceOf(params, 'parameters') !== 'random') return chosen
  const isKept = ({ id }: UsableAdapter): boolean => flagOf(params, 'ownFirst') && id === own?.id
  const replaced = chosen.filter((adapter) => !isKept(adapter))
  if (replaced.length === 0) return chosen
  const folders = replaced.map((_, index) => join(context.folder, `random-${index + 1}`))
  const files = await Promise.all(folders.map(makeAdapterFolder))
  const request = replaced.map(({ name, weightsFile, modules }, index) => ({ name, weightsFile, modules, outFile: files[index]! }))
  context.note(`${replaced.length} adapters are replaced by random numbers of the same deviations`)
  await engine.matchedRandom({ adapters: request, seed: input.seed }, { signal: context.signal, onProgress: context.report })
  const sources = replaced.map(({ contentHash }) => contentHash)
  return Promise.all(
    chosen.map(async (adapter) => {
      const index = replaced.indexOf(adapter)
      if (index < 0) return adapter
      return madeAdapter(adapter.detail, {
        id: `random-${index + 1}`,
        name: `random, as ${adapter.name}`,
        contentHash: hashOfParts('random', input.seed, sources, index),
        folder: folders[index]!,
        modules: await withNorms(files[index]!, adapter.detail.modules, engine, context.signal),
      })
    }),
  )
}

/** Where the learned factors go; `outFile` is not written where only coefficients were learned that stay outside the factors. */
export async function learnedFile({ folder }: AdaptContext): Promise<{ readonly folder: string; readonly outFile: string }> {
  const place = join(folder, 'learned')
  return { folder: place, outFile: await makeAdapterFolder(place) }
}

/**
 * What was learned as a sum over adapters. Coefficients of rank units are in the factors that the core wrote, and so is everything that was trained:
 * such adapters are taken from there.
 */
export async function learnedSum(
  adapters: readonly UsableAdapter[],
  outcome: LearnOutcome,
  { params, fingerprint }: Pick<ResolvedAdaptation, 'params' | 'fingerprint'>,
  { engine }: Pick<AdaptServices, 'engine'>,
  context: AdaptContext,
): Promise<LearnedSum> {
  const means = meanCoefficients(outcome.coefficients)
  const isUnit = choiceOf(params, 'granularity') === 'unit'
  if (!isUnit && !flagOf(params, 'trainAdapters')) return { adapters, coefficients: means }
  const { folder, outFile } = await learnedFile(context)
  const learned = await Promise.all(
    adapters.map(async ({ name, detail }, index) => {
      const renamed = detail.modules.map((module) => ({
        ...module,
        tensorA: learnedName(module.tensorA, index, adapters.length),
        tensorB: learnedName(module.tensorB, index, adapters.length),
        dtype: 'float32' as const,
      }))
      return madeAdapter(detail, {
        id: `learned-${index + 1}`,
        name,
        contentHash: hashOfParts('learned', fingerprint, [String(outcome.chosenStep)], index),
        folder,
        modules: await withNorms(outFile, renamed, engine, context.signal),
      })
    }),
  )
  return { adapters: learned, coefficients: isUnit ? learned.map(({ modules }) => modules.map(() => 1)) : means }
}

/** The name of a factor in the file of learned factors (native/learn/learn.h). */
export function learnedName(name: string, adapter: number, adapters: number): string {
  return adapters > 1 ? `${adapter}.${name}` : name
}

/** The modules with the norms of their updates as they lie in a file of the work folder. */
async function withNorms(
  weightsFile: string,
  modules: readonly AdapterModule[],
  engine: Pick<AdaptServices['engine'], 'inspect'>,
  signal: AbortSignal,
): Promise<readonly AdapterModule[]> {
  const factors = modules.map(({ name, tensorA: a, tensorB: b, rank, scaling }) => ({ name, a, b, rank, scaling }))
  const { modules: inspected } = await engine.inspect({ weightsFile, modules: factors }, signal)
  const norms = new Map(inspected.map(({ name, norm }) => [name, norm]))
  return modules.map((module) => ({ ...module, norm: norms.get(module.name) ?? null }))
}

function hashOfParts(kind: string, seed: number | string, parts: readonly string[], index: number): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, seed, parts, index]))
    .digest('hex')
}
