import { join } from 'node:path'
import type { ResolvedMergeJob } from '../contract/recipe.ts'
import type { EvaluateAdapter, EvaluateItem, EvaluateRequest, EvaluateSubject } from '../engine/evaluate-request.ts'
import type { NewOutcome } from '../library/run-types.ts'
import { problemOutcome } from './evaluate-outcome.ts'
import type { AskedExample, EncodedTask } from './evaluate-prompts.ts'
import type { Evaluation } from './evaluate-resolve.ts'
import type { EvaluateServices } from './evaluate-services.ts'
import type { ReadySubject, SubjectTerm } from './evaluate-subjects.ts'
import type { ReadyTask } from './evaluate-tasks.ts'
import type { Work, WorkItem, WorkTask } from './evaluate-work.ts'

/** A run that is not finished: places of its subject and task in the evaluation, and the examples that have an outcome already. */
export interface OpenRun {
  readonly subject: number
  readonly task: number
  readonly done: ReadonlySet<string>
}

/** The runs of an evaluation that the library does not have whole, in the order of its table. */
export function findOpenRuns({ keys }: Evaluation, runs: Pick<EvaluateServices['runs'], 'byKey' | 'done'>): readonly OpenRun[] {
  return keys.flatMap((row, subject) =>
    row.flatMap((key, task): OpenRun[] => {
      const run = runs.byKey(key)
      if (run?.finishedAt) return []
      return [{ subject, task, done: run ? runs.done(run.id) : new Set<string>() }]
    }),
  )
}

/** The tasks that open runs need, encoded; undefined for the others. */
export async function encodeOpen(
  evaluation: Evaluation,
  open: readonly OpenRun[],
  { prompts }: Pick<EvaluateServices, 'prompts'>,
  signal?: AbortSignal,
): Promise<readonly (EncodedTask | undefined)[]> {
  const needed = new Set(open.map(({ task }) => task))
  const encoded: (EncodedTask | undefined)[] = []
  for (const [index, task] of evaluation.tasks.entries())
    encoded.push(needed.has(index) ? await prompts.encode(evaluation.base, task, evaluation.maxPromptTokens, signal) : undefined)
  return encoded
}

/** Examples that are left of an open run. */
function openExamples({ task, done }: OpenRun, encoded: readonly (EncodedTask | undefined)[]): number {
  return encoded[task]!.asked.reduce((sum, { example, ask }) => sum + (ask === null || done.has(example.id) ? 0 : 1), 0)
}

/** Open runs cut into pieces of at most `most` examples (more where one run has more), so that no request grows without bound; and how many there are. */
export function cutIntoPieces(
  open: readonly OpenRun[],
  encoded: readonly (EncodedTask | undefined)[],
  most: number,
): { readonly pieces: readonly (readonly OpenRun[])[]; readonly examples: number } {
  const pieces: OpenRun[][] = []
  let examples = 0
  let inPiece = 0
  for (const run of open) {
    const more = openExamples(run, encoded)
    const piece = pieces.at(-1)
    if (piece && inPiece + more <= most) {
      piece.push(run)
      inPiece += more
    } else {
      pieces.push([run])
      inPiece = more
    }
    examples += more
  }
  return { pieces, examples }
}

/** What is left to compute: the native request without what only the running job knows, and how its lines become outcomes. */
export interface OpenWork {
  readonly work: Work
  readonly request: Pick<EvaluateRequest, 'adapters' | 'subjects' | 'items' | 'work'>
  /** Merges to be made first, and where; their results are among the request's adapters. */
  readonly merges: readonly { readonly job: ResolvedMergeJob; readonly outFile: string; readonly label: string }[]
  /** Outcomes that need no computing, of examples that cannot be asked; none for a run without any that can. Places are those of `work`. */
  readonly settled: readonly { readonly subject: number; readonly task: number; readonly outcomes: readonly NewOutcome[] }[]
}

/** Puts the open examples of all runs into one request. Merged recipes go to files in `folder`. */
export function gatherWork(
  evaluation: Evaluation,
  open: readonly OpenRun[],
  encoded: readonly (EncodedTask | undefined)[],
  common: Readonly<Record<string, string>>,
  folder: string,
): OpenWork {
  const places = [...new Set(open.map(({ subject }) => subject))]
  const placeOf = new Map(places.map((subject, place) => [subject, place]))
  const items: EvaluateItem[] = []
  const itemPlaces: [number, number][] = []
  const itemOf = new Map<string, number>()
  const pairs: [number, number][] = []
  const settled: OpenWork['settled'][number][] = []
  const tasks = evaluation.tasks.map((task, index) => workTask(task, encoded[index], common))

  function itemAt(task: number, position: number, item: EvaluateItem): number {
    const place = `${task} ${position}`
    const known = itemOf.get(place)
    if (known !== undefined) return known
    itemOf.set(place, items.length)
    itemPlaces.push([task, position])
    return items.push(item) - 1
  }

  for (const { subject, task, done } of open) {
    const place = placeOf.get(subject)!
    const outcomes: NewOutcome[] = []
    const before = pairs.length
    encoded[task]!.asked.forEach((asked, position) => {
      if (done.has(asked.example.id)) return
      const { prompt, ask, problem } = asked
      if (ask) pairs.push([place, itemAt(task, position, { prompt, ask })])
      else outcomes.push(problemOutcome(tasks[task]!.items[position]!, position, problem?.code ?? 'internal'))
    })
    if (outcomes.length > 0 || pairs.length === before) settled.push({ subject: place, task, outcomes })
  }

  const { adapters, subjects, merges } = gatherSubjects(places.map((place) => evaluation.subjects[place]!), folder) // prettier-ignore
  const { id: baseId, path: baseFolder, contentHash: baseHash } = evaluation.base
  return {
    work: {
      ...{ schema: 1, baseId, baseFolder, baseHash, tasks, items: itemPlaces },
      subjects: places.map((place) => ({ subject: evaluation.subjects[place]!.subject, keys: [...evaluation.keys[place]!] })),
    },
    request: { adapters, subjects, items, work: pairs },
    merges,
    settled,
  }
}

/** Subjects and adapters as the core numbers them. Merged recipes go to files in `folder`. */
export function gatherSubjects(
  ready: readonly ReadySubject[],
  folder: string,
): { readonly adapters: EvaluateAdapter[]; readonly subjects: EvaluateSubject[]; readonly merges: OpenWork['merges'][number][] } {
  const adapters: EvaluateAdapter[] = []
  const merges: OpenWork['merges'][number][] = []
  const adapterOf = new Map<string, number>()
  const indexOf = ({ adapter: { id, name, weightsFile, modules } }: SubjectTerm): number => {
    const known = adapterOf.get(id)
    if (known !== undefined) return known
    adapterOf.set(id, adapters.length)
    return adapters.push({ name, weightsFile, modules }) - 1
  }
  const subjects = ready.map(({ subject: { label: name }, terms, merge }): EvaluateSubject => {
    if (merge === null) return { name, terms: terms.map((term) => ({ adapter: indexOf(term), coefficients: term.coefficients })) }
    const outFile = join(folder, `merged-${merges.length + 1}.safetensors`)
    merges.push({ job: merge, outFile, label: name })
    return { name, terms: [{ adapter: adapters.push(mergedAdapter(name, merge, outFile)) - 1, coefficients: 1 }] }
  })
  return { adapters, subjects, merges }
}

/** The result of a merge, as the core writes it: all modules with one rank, padded with zeros, scaling 1. */
function mergedAdapter(name: string, { modules, output: { rank } }: ResolvedMergeJob, weightsFile: string): EvaluateAdapter {
  return {
    name,
    weightsFile,
    modules: modules.map((module) => ({
      ...{ name: module.name, a: module.outputA, b: module.outputB, rank, in: module.in, out: module.out, scaling: 1 },
    })),
  }
}

function workTask(task: ReadyTask, encoded: EncodedTask | undefined, common: Readonly<Record<string, string>>): WorkTask {
  const { task: row, split, budget, metricId, metric, maxNewTokens } = task
  const asked: Record<string, string> = metric.asks === 'generate' ? { maxNewTokens: String(maxNewTokens) } : {}
  return {
    ...{ taskId: row.id, taskHash: row.hash, split, budget, metric: metricId, skipped: encoded?.skipped ?? 0 },
    provenance: { ...common, task: row.hash, ...asked },
    items: encoded?.asked.map(workItem) ?? [],
  }
}

function workItem({ example, promptText, prompt, choices }: AskedExample): WorkItem {
  return {
    exampleId: example.id,
    prompt: promptText,
    expected: example.answer,
    promptTokens: prompt.length,
    choices: choices?.map(({ label, tokens }) => ({ label, tokens: tokens.length })) ?? null,
  }
}
