import type { Settings } from '../contract/settings.ts'
import type { Engine } from '../engine/engine.ts'
import type { BaseStore } from '../library/base-types.ts'
import type { RunStore } from '../library/run-types.ts'
import type { TaskStore } from '../library/task-store.ts'
import type { AdapterSource } from '../recipes/adapter-source.ts'
import type { CheckedStamp } from './check-sources.ts'
import type { PromptCache } from './evaluate-prompts.ts'

/** What evaluations need of the rest of the app. */
export interface EvaluateServices {
  readonly engine: Pick<Engine, 'evaluate' | 'merge' | 'devices' | 'checkpoint' | 'accelerators'>
  readonly adapters: AdapterSource
  readonly bases: Pick<BaseStore, 'get'>
  /** Looks whether base models are as they were when they were hashed. */
  readonly lookAtBases: () => Promise<void>
  readonly tasks: Pick<TaskStore, 'get' | 'file' | 'labelled'>
  readonly runs: Pick<RunStore, 'begin' | 'addOutcomes' | 'finish' | 'byKey' | 'done' | 'noteRate' | 'rate'>
  readonly prompts: PromptCache
  readonly checkedStamp: CheckedStamp
  readonly settings: () => Pick<Settings, 'device' | 'memoryGigabytes'>
  /** Each job keeps its journal in a folder of its own in here. */
  readonly workFolder: string
  /** Hears that runs of a base model began, grew or ended. */
  readonly emitRuns: (baseId: string) => void
  readonly appVersion: string
  /** Most examples of one request to the core; tests take fewer. */
  readonly mostExamples?: number
}
