import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasError, Refusal } from '../contract/problems.ts'
import { encodeAdaptation } from './adapt-examples.ts'
import type { AdaptJobInput } from './adapt-input.ts'
import { describeAdaptation, inputOfAdaptJob, resolvedAdaptJob, titleOfAdaptation } from './adapt-recipe.ts'
import { resolveAdaptation } from './adapt-resolve.ts'
import type { AdaptContext, AdaptServices, AdaptWork, CheckedAdaptation, ResolvedAdaptation } from './adapt-types.ts'
import { removeTemporary } from './output-folder.ts'
import type { RunContext, Runner, RunOutcome } from './runner.ts'

/** Name of the file in a job's work folder that asks it to end with the best it has. */
export const stopFileName = 'stop'

/** The folder in which a job with this fingerprint works: a job that is started again finds what the earlier one left. */
export function workFolderOf({ workFolder }: Pick<AdaptServices, 'workFolder'>, fingerprint: string): string {
  return join(workFolder, fingerprint.slice(0, 24))
}

/**
 * What every kind of job of Adapt has in common: resolve, make tokens of the labelled examples, keep what is shown, give `work` a folder. The folder
 * is named for the fingerprint and stays when the job is stopped, fails or dies, so that the same job goes on from its checkpoint.
 */
export function createAdaptRunner(services: AdaptServices, work: AdaptWork): Runner<AdaptJobInput> {
  async function run(stored: Parameters<Runner<AdaptJobInput>['run']>[0], context: RunContext): Promise<RunOutcome> {
    context.report({ stage: 'preparing', fraction: 0, rate: 0, unit: '', etaSeconds: null })
    await services.lookAtBases()
    await services.bases.readShapes(context.signal)
    const input = inputOfAdaptJob(stored)
    const { checked, problems } = resolveAdaptation(input, services)
    if (!checked) throw new Refusal(problems)
    const { fingerprint } = checked
    context.keep({ resolved: resolvedAdaptJob(checked, input), fingerprint, provenance: { computedOn: checked.device.name } })
    services.adaptations.begin({
      ...{ jobId: stored.id, input, group: input.group ?? null, params: checked.params, total: totalOf(checked) },
    })
    services.emitAdapt(stored.id)
    const { adaptation, problems: said } = await encodeAdaptation(checked, services, context.signal)
    if (!adaptation) throw new Refusal([...problems, ...said])
    const warnings = [...new Map([...problems, ...said].map((problem) => [`${problem.code} ${problem.message}`, problem])).values()]
    const folder = workFolderOf(services, fingerprint)
    await removeAbandoned(folder)
    await mkdir(folder, { recursive: true })
    const stopFile = join(folder, stopFileName)
    // A wish of an earlier process: whoever starts the job again wants it to go on.
    await rm(stopFile, { force: true })
    const adaptContext: AdaptContext = {
      ...context,
      ...{ jobId: stored.id, title: stored.title, recipe: stored.recipe, folder, stopFile },
      update(patch) {
        services.adaptations.update(stored.id, patch)
        services.emitAdapt(stored.id)
      },
    }
    adaptContext.update(factsOf(adaptation, services.appVersion))
    const outcome = await work(adaptation, services, adaptContext)
    await rm(folder, { recursive: true, force: true })
    services.emitAdapt(stored.id)
    return { ...outcome, problems: [...warnings, ...outcome.problems] }
  }

  /** Work folders that no job can go on in any more. */
  async function removeAbandoned(own: string): Promise<void> {
    const kept = new Set([own, ...services.adaptations.keptFingerprints().map((fingerprint) => workFolderOf(services, fingerprint))])
    await mkdir(services.workFolder, { recursive: true })
    for (const name of await readdir(services.workFolder)) {
      const folder = join(services.workFolder, name)
      if (!kept.has(folder)) await rm(folder, { recursive: true, force: true })
    }
  }

  return {
    prepare(input) {
      const { checked, problems } = resolveAdaptation(input, services)
      if (!checked || hasError(problems)) return { problems }
      const title = input.name ?? titleOfAdaptation(checked, input.swept)
      const { fingerprint } = checked
      const resolved = resolvedAdaptJob(checked, input)
      return { job: { title, recipe: describeAdaptation(checked), resolved, fingerprint, provenance: {}, problems: [...problems] } }
    },
    run,
    inputOf: inputOfAdaptJob,
    async cleanUp({ id, provenance }) {
      // The work folder stays: the job can go on from its checkpoint.
      if (provenance['folder'] !== undefined) await removeTemporary(provenance['folder'], id)
    },
  }
}

/** Steps of tuning and training, trials of a search. */
function totalOf({ arm, control, params }: CheckedAdaptation): number {
  if (control?.arm === 'evaluate') return 0
  const count = params[arm === 'search' ? 'trials' : 'steps']
  return typeof count === 'number' ? count : 0
}

function factsOf(adaptation: ResolvedAdaptation, appVersion: string) {
  const { train, validation, noValidation, skipped, base, task, device, nativeBuild, pool, own, startFrom, fingerprint } = adaptation
  return {
    ...{ noValidation, skipped, trainExamples: train.length, validationExamples: noValidation ? 0 : validation.length },
    provenance: {
      ...{ appVersion, nativeBuild, device: device.name, base: base.contentHash, task: task.hash, fingerprint },
      trainIds: JSON.stringify(train.map(({ id }) => id)),
      validationIds: JSON.stringify(noValidation ? [] : validation.map(({ id }) => id)),
      ...(pool.length > 0 && { pool: JSON.stringify(pool.map(({ contentHash }) => contentHash)) }),
      ...(own && { own: own.contentHash }),
      ...(startFrom && { startFrom: startFrom.contentHash }),
    },
  }
}
