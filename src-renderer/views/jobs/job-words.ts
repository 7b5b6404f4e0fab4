import * as v from 'valibot'
import { endedStates, restartableStates, type Job, type JobKind } from '../../../src-main/contract/job.ts'
import { mergeResultSchema, type MergeResult } from '../../../src-main/contract/recipe.ts'
import { formatDuration, formatEta, formatRate } from '../../format/durations.ts'
import { formatPercent } from '../../format/numbers.ts'

const kinds: Readonly<Record<JobKind, string>> = {
  ...{ merge: 'merge', export: 'export', compare: 'compare', evaluate: 'evaluate' },
  ...{ select: 'select', tune: 'tune', search: 'search', train: 'train', control: 'control' },
}

export function kindWord(kind: JobKind): string {
  return kinds[kind]
}

const adapted = 'Its curve and its trials go from Adapt; an adapter that it made stays in the library with its lineage.'

/** What is lost and what stays when a job is taken out of the list. */
export function removalWords(kind: JobKind): string {
  const stays: Readonly<Record<JobKind, string>> = {
    merge: 'A merged adapter stays in the library with its lineage.',
    export: 'The exported files stay where they are.',
    compare: 'The cosines that it found stay known.',
    evaluate: 'The outcomes that it found stay known.',
    select: 'Its ranking goes from Adapt; what was evaluated for it stays known.',
    ...{ tune: adapted, search: adapted, train: adapted, control: adapted },
  }
  return `Its recipe, provenance and log are deleted. ${stays[kind]}`
}

export function hasEnded(job: Job): boolean {
  return endedStates.includes(job.state)
}

export function canRunAgain(job: Job): boolean {
  return restartableStates.includes(job.state)
}

/** How long a job took, or has taken up to `now`; a dash before it started. */
export function tookWords(job: Job, now: Date): string {
  if (job.startedAt === null) return '–'
  const end = job.endedAt === null ? now.getTime() : Date.parse(job.endedAt)
  return formatDuration(Math.max(0, end - Date.parse(job.startedAt)) / 1000)
}

/** Stage, share, rate and remaining time of a job that has not ended, as far as they are known. */
export function progressWords(job: Job): readonly string[] {
  if (job.state === 'queued') return ['waits for the jobs before it']
  const { progress } = job
  if (progress === null) return [job.state === 'stopping' ? 'stopping' : 'starting']
  const share = progress.fraction > 0 ? formatPercent(progress.fraction, 0) : ''
  return [progress.stage, share, formatRate(progress.rate, progress.unit), formatEta(progress.etaSeconds)].filter((word) => word !== '')
}

/** The result of a merge job, or null when there is none (yet). */
export function mergeResultOf(result: unknown): MergeResult | null {
  const read = v.safeParse(mergeResultSchema, result)
  return read.success ? read.output : null
}

/** Share of a module's squared norm that was kept, from the relative norm of what was cut. */
export function keptEnergyOf(discardedEnergy: number): number {
  return 1 - discardedEnergy * discardedEnergy
}

/** A provenance key as words: "nativeBuild" is "native build". */
export function provenanceWord(key: string): string {
  return key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
}

/** The part up to a dot that all names share; empty when they share none, or for one name alone. */
export function sharedPrefix(names: readonly string[]): string {
  const [first, ...others] = names
  if (first === undefined || others.length === 0) return ''
  const parts = first.split('.')
  const shared = parts.findIndex((_, index) => {
    const start = `${parts.slice(0, index + 1).join('.')}.`
    return others.some((name) => !name.startsWith(start))
  })
  return shared <= 0 ? '' : `${parts.slice(0, shared).join('.')}.`
}

export type ModuleOrder = 'name' | 'discarded' | 'norm'

/** Modules of a merge in the order asked for: by name as the file lists them, or largest first. */
export function sortModules(modules: MergeResult['modules'], order: ModuleOrder): MergeResult['modules'] {
  if (order === 'name') return modules
  const value = order === 'norm' ? 'norm' : 'discardedEnergy'
  return [...modules].sort((left, right) => right[value] - left[value])
}
