import type { AdapterDetail } from '../contract/adapter.ts'
import type { AdaptInput, Selected } from '../contract/adapt.ts'
import type { ParamValues } from '../contract/params.ts'
import type { Settings } from '../contract/settings.ts'
import type { Task, TaskFile } from '../contract/task.ts'
import type { ControlEntry } from '../contract/controls.ts'
import type { PresetEntry } from '../contract/presets.ts'
import type { Arm } from '../contract/tuners.ts'
import type { Engine } from '../engine/engine.ts'
import type { AdaptationPatch, AdaptationStore } from '../library/adaptation-types.ts'
import type { BaseStore } from '../library/base-types.ts'
import type { RunStore } from '../library/run-types.ts'
import type { AdapterSource } from '../recipes/adapter-source.ts'
import type { CheckedStamp } from './check-sources.ts'
import type { ComputeDevice } from './evaluate-device.ts'
import type { PromptCache } from './evaluate-prompts.ts'
import type { ReadyBase } from './evaluate-resolve.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import type { PoolAdapter } from './evaluate-subjects.ts'
import type { OutputImport } from './import-output.ts'
import type { LabelledTasks } from './labelled-tasks.ts'
import type { RunContext, RunOutcome } from './runner.ts'

/** What choosing, tuning, searching and training need of the rest of the app. */
export interface AdaptServices {
  readonly engine: Engine
  readonly adapters: AdapterSource & Pick<OutputImport, 'remove'>
  readonly bases: Pick<BaseStore, 'get' | 'facts' | 'matches' | 'readShapes'>
  /** Looks whether base models are as they were when they were hashed. */
  readonly lookAtBases: () => Promise<void>
  /** Labelled examples; those for testing cannot be read through it. */
  readonly tasks: LabelledTasks
  readonly runs: Pick<RunStore, 'byKey' | 'get' | 'outcomes' | 'rate' | 'noteRate'>
  readonly prompts: PromptCache
  /** Evaluates on labelled examples: its tasks are the same view. */
  readonly evaluation: EvaluateServices
  readonly adaptations: AdaptationStore
  readonly checkedStamp: CheckedStamp
  readonly importFolder: OutputImport['importFolder']
  /** Where results go. */
  readonly outputsFolder: () => string
  readonly settings: () => Pick<Settings, 'device' | 'memoryGigabytes'>
  /** Each job keeps checkpoints, masks and journals in a folder of its own in here, until it is done. */
  readonly workFolder: string
  /** Hears that curve, trials or result of a job changed. */
  readonly emitAdapt: (jobId: string) => void
  readonly appVersion: string
  readonly now: () => Date
}

/** An adapter that fits the base model and can be merged. */
export interface UsableAdapter extends PoolAdapter {
  readonly detail: AdapterDetail
}

/** A labelled example as the model gets it. */
export interface EncodedLabelled {
  readonly id: string
  readonly prompt: readonly number[]
  readonly answer: readonly number[]
  /** Its answer's place among the labels of the task, 0 where the task has none. */
  readonly group: number
}

/** The kinds of job that Adapt starts. A control is a job of its own kind, whatever it is made of. */
export const adaptKinds = ['select', 'tune', 'search', 'train', 'control'] as const
export type AdaptKind = (typeof adaptKinds)[number]

/** An input made definite without reading examples: everything that can be checked at once. */
export interface CheckedAdaptation {
  readonly input: AdaptInput
  readonly kind: AdaptKind
  /** The arm whose parameters count: the control's own, "tune" for one that only evaluates. */
  readonly arm: Arm
  readonly control: ControlEntry | null
  readonly preset: PresetEntry | null
  /** Defaults, then the preset's values, then the input's, then the control's: complete and checked by the registry. */
  readonly params: ParamValues
  readonly base: ReadyBase
  readonly task: Task
  readonly file: TaskFile
  readonly device: ComputeDevice
  readonly nativeBuild: string
  /** Adapters to choose from, in the order of the input or of the library; one's own is not among them. */
  readonly pool: readonly UsableAdapter[]
  readonly unfit: readonly { readonly adapterId: string; readonly name: string; readonly reason: string }[]
  readonly own: UsableAdapter | null
  readonly startFrom: UsableAdapter | null
  readonly trainIds: readonly string[]
  /** Empty where there is no validation split. */
  readonly validationIds: readonly string[]
  /** SHA-256 of all that the result depends on; the work folder is named for it. */
  readonly fingerprint: string
}

/** An adaptation that can run. */
export interface ResolvedAdaptation extends CheckedAdaptation {
  /** In the order of the task's files. */
  readonly train: readonly EncodedLabelled[]
  /** The training examples where there is no validation split (noValidation). */
  readonly validation: readonly EncodedLabelled[]
  /** Examples left out because they are longer than allowed. */
  readonly skipped: number
  /** The training examples choose the step too. */
  readonly noValidation: boolean
}

/** What a running job of Adapt is given besides what every job is. */
export interface AdaptContext extends RunContext {
  readonly jobId: string
  readonly title: string
  /** The description for people that the job was stored with. */
  readonly recipe: string
  /** Its work folder, made; left in place when the job does not come to its end, so that it can go on. */
  readonly folder: string
  /** Where this file exists, the job is to end with the best it has. */
  readonly stopFile: string
  /** Puts down what became known, and tells it. */
  update(patch: AdaptationPatch): void
}

/** The work of one kind of job. Refusals become the job's problems. */
export type AdaptWork = (adaptation: ResolvedAdaptation, services: AdaptServices, context: AdaptContext) => Promise<RunOutcome>

/** Which adapters a selection took, and what finding out cost. */
export interface ChosenAdapters {
  /** Every adapter of the pool (and one's own where it is put first) as the strategy saw it. */
  readonly selected: readonly Selected[]
  /** The chosen ones in their places; one's own first where that is asked for. */
  readonly chosen: readonly UsableAdapter[]
  readonly cost: {
    /** Spent now; values that were known cost nothing. */
    readonly tokens: number
    readonly seconds: number
    /** Adapters that the base model was run with, now or earlier. */
    readonly scoredAdapters: number
  }
}
