/** Library, importer, engine and queue joined as the app joins them, over a folder of its own. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from '../../../src-main/contract/job.ts'
import type { ImportItem } from '../../../src-main/contract/import-report.ts'
import { createEngine, type Engine } from '../../../src-main/engine/engine.ts'
import { createAdaptRunners } from '../../../src-main/jobs/adapt-runners.ts'
import type { AdaptServices } from '../../../src-main/jobs/adapt-types.ts'
import { createCompareRunner, type CompareServices } from '../../../src-main/jobs/compare.ts'
import { createEvaluateRunner } from '../../../src-main/jobs/evaluate.ts'
import { createPromptCache } from '../../../src-main/jobs/evaluate-prompts.ts'
import type { EvaluateServices } from '../../../src-main/jobs/evaluate-services.ts'
import { createExportRunner } from '../../../src-main/jobs/export.ts'
import type { ExportInput } from '../../../src-main/jobs/export-input.ts'
import { withoutTest } from '../../../src-main/jobs/labelled-tasks.ts'
import { createMergeRunner, type MergeServices } from '../../../src-main/jobs/merge.ts'
import { createQueue, type Queue } from '../../../src-main/jobs/queue.ts'
import { createImporter } from '../../../src-main/library/importer.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { openTokenizer } from '../../../src-main/tasks/tokenizer.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { makeAdapter, type TinyAdapter } from '../../helpers/adapters.ts'

export interface Bench {
  readonly folder: string
  readonly outputs: string
  readonly library: Library
  readonly queue: Queue
  readonly told: readonly Job[]
  /** What evaluations are planned and run with. */
  readonly evaluation: EvaluateServices
  /** What choosing, tuning, searching and training are planned and run with. */
  readonly adapt: AdaptServices
  /** Makes an adapter under `pool/` and imports it with all checks. */
  add(name: string, options?: TinyAdapter): Promise<ImportItem>
  /** Starts a merge and waits for its end. */
  merge(recipe: unknown, outFolder?: string): Promise<Job>
  /** Starts an export and waits for its end. */
  export(input: ExportInput): Promise<Job>
  close(): Promise<void>
}

/** `change` replaces services of the merge job, `compareChange` those of comparisons, `evaluateChange` those of evaluations, `adaptChange` those of Adapt; `folder` opens an earlier bench's folder again. */
export function openBench(
  change: Partial<MergeServices> = {},
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-jobs-'))),
  compareChange: Partial<CompareServices> = {},
  evaluateChange: Partial<EvaluateServices> = {},
  adaptChange: Partial<AdaptServices> = {},
): Bench {
  const library = openLibrary({ folder: join(folder, 'library'), log: silentLog })
  const engine: Engine = createEngine({ threads: 2 })
  const importer = createImporter({
    library,
    inspect: (request, signal) => engine.inspect(request, signal),
    emitChanged: () => undefined,
    emitProgress: () => undefined,
    log: silentLog,
  })
  const outputs = join(folder, 'outputs')
  const { adapters } = library
  const told: Job[] = []
  const checkedStamp = (place: string) => adapters.paths.at(place)?.stamp ?? null
  const evaluation: EvaluateServices = {
    engine,
    adapters,
    bases: library.bases,
    lookAtBases: () => Promise.resolve(),
    tasks: library.tasks,
    runs: library.runs,
    prompts: createPromptCache(openTokenizer),
    checkedStamp,
    settings: () => ({ device: 'cpu', memoryGigabytes: 0 }),
    workFolder: join(folder, 'evaluations'),
    emitRuns: () => undefined,
    appVersion: '9.8.7',
    ...evaluateChange,
  }
  const labelled = adaptChange.tasks ?? withoutTest(library.tasks)
  const adapt: AdaptServices = {
    ...{ engine, adapters, checkedStamp, bases: library.bases, runs: library.runs, adaptations: library.adaptations },
    ...{ prompts: evaluation.prompts, settings: evaluation.settings, lookAtBases: evaluation.lookAtBases },
    tasks: labelled,
    evaluation: { ...evaluation, tasks: labelled },
    importFolder: (output, admission) => importer.importFolder(output, admission),
    outputsFolder: () => outputs,
    workFolder: join(folder, 'adaptations'),
    emitAdapt: () => undefined,
    appVersion: '9.8.7',
    now: () => new Date(),
    ...adaptChange,
  }
  const queue = createQueue({
    store: library.jobs,
    runners: {
      merge: createMergeRunner({
        engine,
        adapters,
        checkedStamp,
        importFolder: (output, admission) => importer.importFolder(output, admission),
        outputsFolder: () => outputs,
        appVersion: '9.8.7',
        ...change,
      }),
      export: createExportRunner({ engine, adapters, checkedStamp, appVersion: '9.8.7', ...change }),
      evaluate: createEvaluateRunner(evaluation),
      ...createAdaptRunners(adapt),
      compare: createCompareRunner({
        ...{ engine, adapters, similarities: library.similarities, checkedStamp, emitChanged: () => undefined },
        ...compareChange,
      }),
    },
    emit: { changed: (job) => told.push(job), removed: () => undefined },
    logFolder: join(folder, 'logs'),
    log: silentLog,
    provenance: () => ({ appVersion: '9.8.7' }),
  })
  return {
    folder,
    outputs,
    library,
    queue,
    told,
    evaluation,
    adapt,
    add: (name, options = {}) => importer.importFolder(makeAdapter(join(folder, 'pool', name), options), { origin: 'imported' }),
    async merge(recipe, outFolder) {
      const { jobId, problems } = queue.start('merge', {
        recipe,
        relativeTo: join(folder, 'pool'),
        ...(outFolder !== undefined && { outFolder }),
      })
      if (jobId === null) throw new Error(problems.map((problem) => `${problem.code}: ${problem.message}`).join('; '))
      return queue.whenEnded(jobId)
    },
    async export(input) {
      const { jobId, problems } = queue.start('export', input)
      if (jobId === null) throw new Error(problems.map((problem) => `${problem.code}: ${problem.message}`).join('; '))
      return queue.whenEnded(jobId)
    },
    async close() {
      await queue.close()
      await importer.close()
      library.close()
    },
  }
}

/** Removes a bench's folder. */
export function removeBench({ folder }: Bench): void {
  rmSync(folder, { recursive: true, force: true })
}
