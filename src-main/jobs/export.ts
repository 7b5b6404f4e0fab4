import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import * as v from 'valibot'
import { parse, stringify } from 'yaml'
import type { AdapterDetail } from '../contract/adapter.ts'
import { exportProfileIds, exportProfiles, type ExportProfile, type ExportResult } from '../contract/export-profiles.ts'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { Engine } from '../engine/engine.ts'
import { unknownAdapter } from '../library/edit-adapters.ts'
import type { StoredJob } from '../library/job-store.ts'
import { weightsFileOf, weightsName } from '../recipes/adapter-source.ts'
import { adapterConfig } from './adapter-config.ts'
import { checkSources, type CheckedStamp } from './check-sources.ts'
import { exportCard } from './export-card.ts'
import { copyAdapter } from './export-copy.ts'
import type { ExportInput } from './export-input.ts'
import { planExport, withoutRecipe, type ExportPlan } from './export-plan.ts'
import { stopIfAsked } from './import-output.ts'
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

/** What an export needs of the rest of the app. */
export interface ExportServices {
  readonly engine: Pick<Engine, 'merge' | 'devices'>
  readonly adapters: { get(id: string): AdapterDetail | null }
  readonly checkedStamp: CheckedStamp
  readonly appVersion: string
}

/** How an export is kept with its job, as YAML: what is exported, for which tool, and where to. */
const keptSchema = v.object({
  adapter: v.string(),
  name: v.string(),
  profile: v.picklist(exportProfileIds),
  padTo: v.number(),
  folder: v.optional(v.string()),
  outFolder: v.optional(v.string()),
})
type Kept = v.InferOutput<typeof keptSchema>

/** The whole story of an export: plan, copy or rewrite into a temporary folder, describe, move into place. The library gets no row of it. */
export function createExportRunner(services: ExportServices): Runner<ExportInput> {
  const { engine, adapters, checkedStamp } = services

  function planNow(kept: Pick<Kept, 'adapter' | 'profile' | 'padTo'>): {
    readonly ready: { readonly adapter: AdapterDetail; readonly plan: ExportPlan } | null
    readonly problems: readonly Problem[]
  } {
    const adapter = adapters.get(kept.adapter)
    if (!adapter) return { ready: null, problems: [unknownAdapter(kept.adapter)] }
    const { plan, problems } = planExport(adapter, kept.profile, kept.padTo)
    return { ready: plan && { adapter, plan }, problems }
  }

  async function run(stored: StoredJob, context: RunContext): Promise<RunOutcome> {
    const kept = keptOf(stored)
    const { ready, problems } = planNow(kept)
    if (!ready) throw new Refusal(problems)
    const { adapter, plan } = ready
    const sources = { adapters: [{ name: adapter.name, weightsFile: weightsFileIn(adapter) }] }
    const refuseChanged = (): void => {
      const changed = checkSources(sources, checkedStamp).map(withoutRecipe)
      if (hasError(changed)) throw new Refusal(changed)
    }
    refuseChanged()
    const target = kept.outFolder ?? freeFolder(kept.folder ?? '', folderFor(adapter, kept.profile))
    context.keep({ provenance: { folder: target }, ...(plan.job && { resolved: JSON.stringify(plan.job), fingerprint: plan.fingerprint }) })
    context.note(`${kept.profile} export of ${adapter.name} (${adapter.id}), rank ${plan.rank}, into ${target}`)
    const output = await makeOutputFolder(target, stored.id, plan.sizeBytes)
    try {
      if (plan.job) await rewrite(output, adapter, kept.profile, plan, problems, context)
      else await copyAdapter(dirname(weightsFileIn(adapter)), output.temporary, context)
      // What was read must be what was checked, also at the end of reading.
      refuseChanged()
      context.report({ stage: 'finalising', fraction: 0, rate: 0, unit: '', etaSeconds: null })
      stopIfAsked(context)
      await output.publish()
    } catch (error) {
      // What went wrong first is what is told.
      await output.discard().catch((second: unknown) => context.note(`the unfinished output could not be removed: ${String(second)}`))
      throw error
    }
    const { size } = await stat(join(target, weightsName))
    const result: ExportResult = { path: target, profile: kept.profile, rank: plan.rank, sizeBytes: size }
    return { adapterId: null, result, problems }
  }

  async function rewrite(
    output: OutputFolder,
    source: AdapterDetail,
    profile: ExportProfile,
    { job, fingerprint }: ExportPlan,
    problems: readonly Problem[],
    context: RunContext,
  ): Promise<void> {
    if (!job || fingerprint === null) throw new Error('this export is a copy')
    const { signal, report } = context
    const outcome = await engine.merge(job, join(output.temporary, weightsName), { onProgress: report, signal })
    const { appVersion } = services
    const { nativeBuild } = engine.devices()
    const made = { source, profile, folderName: basename(output.target), job, fingerprint, outcome, problems, appVersion, nativeBuild }
    await writeOutputFile(join(output.temporary, 'adapter_config.json'), adapterConfig(job, [source]))
    await writeOutputFile(join(output.temporary, 'README.md'), exportCard(made))
  }

  return {
    prepare(input) {
      const { ready, problems: found } = planNow(input)
      const outFolder = input.outFolder === undefined ? undefined : resolve(input.outFolder)
      const refusal = outFolder === undefined ? null : targetProblem(outFolder)
      const problems = [...found, ...(refusal ? [refusal] : [])]
      if (!ready || hasError(problems)) return { problems }
      const { adapter, plan } = ready
      const kept: Kept = {
        ...{ adapter: adapter.id, name: adapter.name, profile: input.profile, padTo: input.padTo },
        ...(outFolder === undefined ? { folder: resolve(input.folder ?? '.') } : { outFolder }),
      }
      const title = `${adapter.name} for ${exportProfiles[input.profile].label}`
      return {
        job: {
          title,
          recipe: stringify(kept),
          resolved: JSON.stringify(plan.job),
          fingerprint: plan.fingerprint,
          provenance: {},
          problems,
        },
      }
    },
    run,
    inputOf(stored) {
      const { name: _name, folder, outFolder, ...input } = keptOf(stored)
      return { ...input, ...(folder !== undefined && { folder }), ...(outFolder !== undefined && { outFolder }) }
    },
    async cleanUp({ id, provenance }) {
      if (provenance['folder'] !== undefined) await removeTemporary(provenance['folder'], id)
    },
  }
}

function keptOf({ recipe }: Pick<StoredJob, 'recipe'>): Kept {
  return v.parse(keptSchema, parse(recipe))
}

function weightsFileIn(adapter: AdapterDetail): string {
  const file = weightsFileOf(adapter.paths)
  if (file !== null) return file
  throw new Refusal([
    errorProblem('file-missing', `The files of ${adapter.name} are not where they were.`, {
      where: { path: adapter.paths.join(', ') },
      hint: 'Put them back, or import the adapter from where it lies now.',
    }),
  ])
}

/** "sentiment-r16", or "sentiment-r16-vllm" for what was written for one tool. */
function folderFor(adapter: AdapterDetail, profile: ExportProfile): string {
  return folderName(exportProfiles[profile].rewrites ? `${adapter.name}-${profile}` : adapter.name)
}
