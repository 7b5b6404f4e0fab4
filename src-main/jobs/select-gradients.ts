import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { Refusal, type ProblemCode } from '../contract/problems.ts'
import type { GradientsOutcome } from '../engine/gradients-request.ts'
import type { LearnAdapter } from '../engine/learn-request.ts'
import { writeFileWhole } from '../platform/write-file.ts'
import type { CandidateFacts } from '../selection/strategy.ts'
import { passTokens } from './adapt-size.ts'
import type { AdaptContext, AdaptServices, ChosenAdapters, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { stopIfAsked } from './import-output.ts'

type Gradient = NonNullable<CandidateFacts['gradient']>

/** Most examples of one pass. */
const passExamples = 64
/** Share of the memory beside the base model that rank units of one pass may take. */
const unitShare = 0.5
/** Of a number of a rank unit, at most. */
const numberBytes = 4
/** For a device of which nothing is known. */
const unknownRoomBytes = 1e9

/** What a pass of fewer adapters may not have: too little memory, and the one adapter that spoils it for all. */
const splitting: readonly ProblemCode[] = ['memory-short', 'out-of-memory', 'not-finite']

/** Sums of derivatives by content hash: what an earlier run of the job left in its folder. */
const savedSchema = v.record(v.string(), v.pipe(v.number(), v.finite()))

/**
 * The derivative of the loss on the training examples in every adapter's coefficient at 0, summed over its modules, with the norm of its update; in
 * words why there is none for an adapter whose update is zero or whose derivative is not finite. At coefficient 0 nobody changes the model, so that
 * any number of adapters share one pass, as many as memory takes, and the sums do not depend on who shares it.
 */
export async function alignGradients(
  adaptation: ResolvedAdaptation,
  services: AdaptServices,
  context: AdaptContext,
): Promise<{ readonly gradients: readonly (Gradient | string)[]; readonly cost: ChosenAdapters['cost'] }> {
  const { pool } = adaptation
  const file = join(context.folder, 'alignments.json')
  const sums = new Map(Object.entries(await readSaved(file)))
  const open = pool.filter(({ contentHash, detail }) => !sums.has(contentHash) && (detail.updateNorm ?? 0) > 0)
  const broken = new Map<string, string>()
  let [tokens, seconds, done] = [0, 0, 0]

  async function run(adapters: readonly UsableAdapter[]): Promise<void> {
    stopIfAsked(context)
    const [only] = adapters
    const outcome = await ask(adapters, adaptation, services, context, { done, total: open.length }).catch((error: unknown) => {
      if (adapters.length > 1 && hasCode(error, splitting)) return null
      if (only && hasCode(error, ['not-finite'])) {
        broken.set(only.contentHash, (error as Refusal).message)
        return null
      }
      throw error
    })
    if (outcome === null) {
      const half = Math.ceil(adapters.length / 2)
      if (adapters.length === 1) done += 1
      else for (const part of [adapters.slice(0, half), adapters.slice(half)]) await run(part)
      return
    }
    outcome.gradients.forEach((gradients, index) =>
      sums.set(
        adapters[index]!.contentHash,
        gradients.reduce((sum, gradient) => sum + gradient, 0),
      ),
    )
    tokens += outcome.tokens
    seconds += outcome.seconds
    done += adapters.length
    await writeFileWhole(file, JSON.stringify(Object.fromEntries(sums)))
  }

  const room = open.length > 0 ? await unitRoom(adaptation, services, context.signal) : 0
  for (const chunk of chunksOf(open, room)) await run(chunk)
  const gradients = pool.map(({ contentHash, detail: { updateNorm } }): Gradient | string => {
    const sum = sums.get(contentHash)
    if (sum !== undefined && updateNorm !== null && updateNorm > 0) return { sum, updateNorm }
    return broken.get(contentHash) ?? 'Its update is zero, so it has no direction.'
  })
  return { gradients, cost: { tokens, seconds, scoredAdapters: pool.length } }
}

function ask(
  adapters: readonly UsableAdapter[],
  { base, device, train }: ResolvedAdaptation,
  { engine, settings }: Pick<AdaptServices, 'engine' | 'settings'>,
  context: AdaptContext,
  { done, total }: { readonly done: number; readonly total: number },
): Promise<GradientsOutcome> {
  return engine.gradients(
    {
      ...{ model: base.path, device: device.id, memoryBytes: Math.round(settings().memoryGigabytes * 1e9), passTokens, passExamples },
      adapters: adapters.map(frozen),
      coefficients: adapters.map(({ modules }) => modules.map(() => 0)),
      ...{ activation: 'identity', objective: 'cross_entropy', outFile: null },
      examples: train.map(({ prompt, answer, group }) => ({ prompt, answer, group })),
    },
    {
      signal: context.signal,
      onProgress: (told) =>
        context.report({
          ...{ ...told, stage: 'choosing: gradients', etaSeconds: adapters.length === total ? told.etaSeconds : null },
          fraction: (done + told.fraction * adapters.length) / total,
        }),
    },
  )
}

function frozen({ name, contentHash, weightsFile, modules }: UsableAdapter): LearnAdapter {
  return { name, key: contentHash, weightsFile, modules, train: 'none', fresh: null, maskFile: null, dropout: 0 }
}

/** Bytes that rank units may take beside the base model. */
async function unitRoom(
  { base, device }: ResolvedAdaptation,
  { engine, settings }: Pick<AdaptServices, 'engine' | 'settings'>,
  signal: AbortSignal,
): Promise<number> {
  const { memory } = await engine.checkpoint(base.path, signal)
  const row = memory.find((entry) => entry.device === device.id)
  if (!row) return unknownRoomBytes
  const limit = settings().memoryGigabytes * 1e9
  return Math.max(0, unitShare * ((limit > 0 ? Math.min(limit, row.free) : row.free) - row.needs))
}

/** Adapters in their order, as many together as fit into `roomBytes`; at least one. */
export function chunksOf(adapters: readonly UsableAdapter[], roomBytes: number): readonly (readonly UsableAdapter[])[] {
  const chunks: UsableAdapter[][] = []
  let filled = 0
  for (const adapter of adapters) {
    const bytes = numberBytes * adapter.modules.reduce((sum, module) => sum + module.rank * (module.in + module.out), 0)
    const chunk = chunks.at(-1)
    if (chunk && filled + bytes <= roomBytes) {
      chunk.push(adapter)
      filled += bytes
    } else {
      chunks.push([adapter])
      filled = bytes
    }
  }
  return chunks
}

function hasCode(error: unknown, codes: readonly ProblemCode[]): boolean {
  return error instanceof Refusal && error.problems.some(({ code }) => codes.includes(code))
}

async function readSaved(file: string): Promise<v.InferOutput<typeof savedSchema>> {
  try {
    return v.parse(savedSchema, JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError || v.isValiError(error)) return {}
    throw error
  }
}
