import { basename, join, resolve } from 'node:path'
import type { MethodEntry } from '../contract/methods.ts'
import { hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { MergeOutcome, MergeResult, Recipe, ResolvedMergeJob } from '../contract/recipe.ts'
import type { Engine } from '../engine/engine.ts'
import type { StoredJob } from '../library/job-store.ts'
import { weightsName, type AdapterSource } from '../recipes/adapter-source.ts'
import { writtenBytes } from '../recipes/file-size.ts'
import { recipeText, withIds, withResolvedParams } from '../recipes/recipe-text.ts'
import { resolveDraft, type Resolution } from '../recipes/resolve-recipe.ts'
import { adapterConfig } from './adapter-config.ts'
import { checkSources, type CheckedStamp } from './check-sources.ts'
import { importOutput, stopIfAsked, type OutputImport } from './import-output.ts'
import { lineageOf } from './lineage.ts'
import type { MergeInput } from './merge-input.ts'
import {
  folderName,
  freeFolder,
  makeOutputFolder,
  removeTemporary,
  targetProblem,
  writeOutputFile,
  type OutputFolder,
} from './output-folder.ts'
import type { RunContext, Runner, RunOutcome } from './runner.ts'
import { modelCard } from './write-card.ts'

/** What a merge needs of the rest of the app. */
export interface MergeServices {
  readonly engine: Pick<Engine, 'merge' | 'devices'>
  readonly adapters: AdapterSource & Pick<OutputImport, 'remove'>
  readonly checkedStamp: CheckedStamp
  readonly importFolder: OutputImport['importFolder']
  /** Where outputs go that are given no folder of their own. */
  readonly outputsFolder: () => string
  readonly appVersion: string
  readonly now?: () => Date
}

/** Longest name that the library takes. */
const maxNameCharacters = 200

/** A recipe that can run. */
interface Ready extends Resolution {
  readonly job: ResolvedMergeJob
  readonly fingerprint: string
  readonly method: MethodEntry
  readonly recipe: Recipe
}

/** The whole story of a merge: resolve, merge into a temporary folder, describe, move into place, import. */
export function createMergeRunner(services: MergeServices): Runner<MergeInput> {
  const { engine, adapters, importFolder, outputsFolder, now = () => new Date() } = services

  function resolveNow(draft: unknown, relativeTo?: string): { readonly ready: Ready | null; readonly problems: readonly Problem[] } {
    const resolution = resolveDraft(draft, adapters, { device: 'cpu', ...(relativeTo !== undefined && { relativeTo }) })
    const { job, fingerprint, method, recipe, problems } = resolution
    return { ready: job && fingerprint && method && recipe ? { ...resolution, job, fingerprint, method, recipe } : null, problems }
  }

  async function run(stored: StoredJob, context: RunContext): Promise<RunOutcome> {
    reportStage(context, 'resolving')
    const { ready, problems: found } = resolveNow(stored.recipe)
    const problems = [...found, ...(ready ? checkSources(ready.job, services.checkedStamp) : [])]
    if (!ready || hasError(problems)) throw new Refusal(problems)
    const { job, fingerprint } = ready
    const target = stored.provenance['outFolder'] ?? freeFolder(outputsFolder(), folderName(stored.title))
    context.keep({ resolved: JSON.stringify(job), fingerprint, provenance: { folder: target } })
    context.note(`fingerprint ${fingerprint}: ${job.modules.length} modules, rank ${job.output.rank}, ${job.output.dtype}, into ${target}`)
    const output = await makeOutputFolder(target, stored.id, writtenBytes(job))
    try {
      const outcome = await engine.merge(job, join(output.temporary, weightsName), { onProgress: context.report, signal: context.signal })
      reportStage(context, 'finalising')
      await describe(output, stored, ready, outcome)
      stopIfAsked(context)
      await output.publish()
      reportStage(context, 'importing')
      const facts = { origin: 'merged' as const, lineage: lineageOf(ready, stored, now()), name: stored.title, jobId: stored.id }
      const item = await importOutput({ importFolder, remove: (ids) => adapters.remove(ids) }, target, facts, context)
      return outcomeOf(item.id, target, ready, outcome, [...problems, ...item.problems])
    } catch (error) {
      // What went wrong first is what is told.
      await output.discard().catch((second: unknown) => context.note(`the unfinished output could not be removed: ${String(second)}`))
      throw error
    }
  }

  async function describe(output: OutputFolder, stored: StoredJob, ready: Ready, outcome: MergeOutcome): Promise<void> {
    const card = modelCard({
      ...ready,
      name: stored.title,
      folderName: basename(output.target),
      recipeText: stored.recipe,
      sources: ready.adapters,
      outcome,
      appVersion: services.appVersion,
      nativeBuild: engine.devices().nativeBuild,
    })
    await writeOutputFile(join(output.temporary, 'adapter_config.json'), adapterConfig(ready.job, ready.adapters))
    await writeOutputFile(join(output.temporary, 'README.md'), card)
  }

  return {
    prepare({ recipe: draft, relativeTo, outFolder }) {
      const { ready, problems: found } = resolveNow(draft, relativeTo)
      const target = outFolder === undefined ? undefined : resolve(outFolder)
      const refusal = target === undefined ? null : targetProblem(target)
      const problems = [...found, ...(refusal ? [refusal] : [])]
      if (!ready || hasError(problems)) return { problems }
      const asked = ready.recipe.output.name?.trim() || (target === undefined ? titleOf(ready) : basename(target))
      const title = asked.slice(0, maxNameCharacters)
      const recipe = recipeText(withIds(withResolvedParams(ready.recipe, ready.job), ready.adapters), ready.adapters)
      const provenance: Record<string, string> = target === undefined ? {} : { outFolder: target }
      return { job: { title, recipe, resolved: JSON.stringify(ready.job), fingerprint: ready.fingerprint, provenance, problems } }
    },
    run,
    inputOf({ recipe, provenance }) {
      const outFolder = provenance['outFolder']
      return { recipe, ...(outFolder !== undefined && { outFolder }) }
    },
    async cleanUp({ id, provenance }) {
      if (provenance['folder'] !== undefined) await removeTemporary(provenance['folder'], id)
    },
  }
}

function outcomeOf(id: string, path: string, ready: Ready, outcome: MergeOutcome, problems: readonly Problem[]): RunOutcome {
  const result: MergeResult = {
    id,
    path,
    rank: outcome.rank,
    fingerprint: ready.fingerprint,
    seconds: outcome.seconds,
    modules: outcome.modules.map(({ name, discardedEnergy, norm }) => ({ name, discardedEnergy, norm })),
    problems: [...problems],
  }
  return { adapterId: id, result, problems }
}

/** "linear of sentiment-r16, topic-r16 and 2 more": the name of a result that was given none. */
function titleOf({ method, adapters }: Ready): string {
  const names = adapters.map((adapter) => adapter.name)
  const more = names.length > 3 ? ` and ${names.length - 2} more` : ''
  return `${method.id} of ${(more ? names.slice(0, 2) : names).join(', ')}${more}`
}

function reportStage(context: RunContext, stage: string): void {
  context.report({ stage, fraction: 0, rate: 0, unit: '', etaSeconds: null })
}
