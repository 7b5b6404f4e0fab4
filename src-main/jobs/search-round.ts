import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { metricOf, type MetricId } from '../contract/metrics.ts'
import { isProblemCode, problemTitles, Refusal, type ProblemCode } from '../contract/problems.ts'
import type { Recipe } from '../contract/recipe.ts'
import { readEvaluateLines, type EvaluateItem } from '../engine/evaluate-request.ts'
import type { AdaptContext, AdaptServices, ResolvedAdaptation } from './adapt-types.ts'
import { gatherSubjects } from './evaluate-open.ts'
import { outcomeOf } from './evaluate-outcome.ts'
import { resolveSubjects, type ReadySubject } from './evaluate-subjects.ts'
import type { AskedItem } from './search-examples.ts'

/** A recipe and the examples it is asked, in parts that are judged each for itself. */
export interface AskedRecipe {
  readonly name: string
  readonly recipe: Recipe
  readonly parts: readonly (readonly AskedItem[])[]
}

/** What became of a recipe: a value for each part, smaller is better, or why there is none. */
export type Judged = { readonly values: readonly number[]; readonly problem: null } | { readonly values: null; readonly problem: string }

/** What a round brought and took. */
export interface Round {
  /** In the order asked. */
  readonly judged: readonly Judged[]
  readonly tokens: number
  readonly seconds: number
}

/** What went wrong then is not the candidate's fault. */
const notItsFault: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'cancelled',
  'out-of-memory',
  'memory-short',
  'disk-full',
  'write-failed',
  'native-not-built',
  'cuda-error',
  'device-lost',
  'file-changed',
  'file-missing',
])

/**
 * Evaluates recipes on examples in one request: the base model is loaded once, recipes that are sums of updates share the adapters' units, and others are
 * merged first into files of `folder`, which is removed again. A candidate that cannot be merged or evaluated fails alone. Throws Refusal for what
 * concerns all of them.
 */
export async function evaluateRound(
  asked: readonly AskedRecipe[],
  metric: MetricId,
  { adaptation, services, context, folder }: RoundPlace,
): Promise<Round> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  try {
    const prepared = await prepareSubjects(asked, { adaptation, services, context, folder })
    const ready = prepared.flatMap((entry, index) => ('subject' in entry ? [{ index, subject: entry.subject }] : []))
    const failures = new Map(prepared.flatMap((entry, index) => ('problem' in entry ? [[index, entry.problem] as const] : [])))
    if (ready.length === 0) return { judged: asked.map((_, index) => failed(failures.get(index) ?? '')), tokens: 0, seconds: 0 }
    const items: AskedItem[] = []
    const places = new Map<AskedItem, number>()
    const placeOf = (item: AskedItem): number => {
      const known = places.get(item)
      if (known !== undefined) return known
      places.set(item, items.length)
      return items.push(item) - 1
    }
    const work = ready.flatMap(({ index }, subject) => asked[index]!.parts.flat().map((item): [number, number] => [subject, placeOf(item)]))
    const { adapters, subjects } = gatherSubjects(ready.map(({ subject }) => subject), folder) // prettier-ignore
    const outFile = join(folder, 'answers.jsonl')
    const outcome = await services.engine.evaluate(
      {
        ...{ model: adaptation.base.path, device: adaptation.device.id, batchTokens: 0, adapters, subjects, work, outFile },
        memoryBytes: Math.round(services.settings().memoryGigabytes * 1e9),
        items: items.map(({ prompt, ask }): EvaluateItem => ({ prompt, ask })),
      },
      { signal: context.signal, onProgress: context.report },
    )
    const answers = readAnswers(await readFile(outFile, 'utf8'), items, metric, (tokens) =>
      services.prompts.tokenizer(adaptation.base).decode(tokens),
    )
    const subjectAt = new Map(ready.map(({ index }, subject) => [index, subject]))
    const judged = asked.map(({ parts }, index): Judged => {
      const subject = subjectAt.get(index)
      if (subject === undefined) return failed(failures.get(index) ?? '')
      return judge(
        parts.map((part) => part.map((item) => answers.get(`${subject} ${places.get(item)!}`))),
        metric,
      )
    })
    return { judged, tokens: outcome.tokens, seconds: outcome.seconds }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where a round is done. */
export interface RoundPlace {
  readonly adaptation: Pick<ResolvedAdaptation, 'base' | 'device'>
  readonly services: AdaptServices
  readonly context: Pick<AdaptContext, 'signal' | 'report' | 'note'>
  readonly folder: string
}

type Prepared = { readonly subject: ReadySubject } | { readonly problem: string }

async function prepareSubjects(asked: readonly AskedRecipe[], place: RoundPlace): Promise<readonly Prepared[]> {
  const prepared = asked.map(({ name, recipe }) => subjectOf(name, recipe, place))
  const ready = prepared.flatMap((entry, index) =>
    'subject' in entry && entry.subject.merge !== null ? [{ index, subject: entry.subject }] : [],
  )
  // gatherSubjects numbers the merged files in the order of the subjects that are left, so each is merged under the name it will have then.
  let merged = 0
  for (const { index, subject } of ready) {
    try {
      const outFile = join(place.folder, `merged-${merged + 1}.safetensors`)
      await place.services.engine.merge(subject.merge!, outFile, { signal: place.context.signal })
      merged += 1
    } catch (error) {
      if (!(error instanceof Refusal) || error.problems.some(({ code }) => notItsFault.has(code))) throw error
      prepared[index] = { problem: error.problems.map(({ message }) => message).join(' ') }
    }
  }
  return prepared
}

function subjectOf(name: string, recipe: Recipe, { adaptation: { base }, services }: RoundPlace): Prepared {
  const { ready, left } = resolveSubjects([{ kind: 'recipe', name, recipe }], base, services)
  const [subject] = ready
  const problems = left.map(({ problem }) => problem)
  if (problems.some(({ code }) => notItsFault.has(code))) throw new Refusal(problems)
  return subject ? { subject } : { problem: problems.map(({ message }) => message).join(' ') }
}

/** The metric's value and weight of one answer, or why there is none. */
type AnswerValue = { readonly value: number; readonly weight: number } | { readonly problem: string }

function readAnswers(
  text: string,
  items: readonly AskedItem[],
  metric: MetricId,
  decode: (tokens: readonly number[]) => string,
): ReadonlyMap<string, AnswerValue> {
  return new Map(
    readEvaluateLines(text).map((line) => {
      const place = `${line.subject} ${line.item}`
      if ('problem' in line) return [place, { problem: line.message || titleOf(line.problem) }]
      const { value, weight } = outcomeOf(line, items[line.item]!.item, line.item, metric, decode)
      return [place, value === null ? { problem: titleOf('logits-not-finite') } : { value, weight }]
    }),
  )
}

function judge(parts: readonly (readonly (AnswerValue | undefined)[])[], metric: MetricId): Judged {
  const isHigherBetter = metricOf(metric).direction === 'higher'
  const values: number[] = []
  for (const part of parts) {
    let [sum, weights] = [0, 0]
    for (const answer of part) {
      if (!answer) throw new Error('the native core left a pair of the round undone')
      if ('problem' in answer) return failed(answer.problem)
      sum += answer.weight * answer.value
      weights += answer.weight
    }
    values.push(isHigherBetter ? 1 - sum / weights : sum / weights)
  }
  return { values, problem: null }
}

function failed(problem: string): Judged {
  return { values: null, problem }
}

function titleOf(code: string): string {
  return isProblemCode(code) ? problemTitles[code] : code
}
