import type { EvaluatePlan } from '../contract/run.ts'
import { Refusal } from '../contract/problems.ts'
import { encodeOpen, findOpenRuns, type OpenRun } from './evaluate-open.ts'
import type { EncodedTask } from './evaluate-prompts.ts'
import { remarksOn } from './evaluate-remarks.ts'
import type { EvaluateJobInput } from './evaluate-input.ts'
import { resolveEvaluation, type Evaluation } from './evaluate-resolve.ts'
import type { EvaluateServices } from './evaluate-services.ts'

/** What an evaluation would do and need. Encodes the prompts of what is open; nothing is started. */
export async function planEvaluation(input: EvaluateJobInput, services: EvaluateServices, signal?: AbortSignal): Promise<EvaluatePlan> {
  const { evaluation, left, problems } = resolveEvaluation(input, services)
  const unfit = left.flatMap(({ subject: { adapterId, label }, problem }) =>
    adapterId === null ? [] : [{ adapterId, name: label, reason: problem.message }],
  )
  const nothing = { runs: 0, known: 0, examples: 0, promptTokens: 0, skipped: 0, needsBytes: null, freeBytes: null, etaSeconds: null }
  if (!evaluation) return { ...nothing, unfit, device: '', problems: [...problems] }
  try {
    const open = findOpenRuns(evaluation, services.runs)
    const encoded = await encodeOpen(evaluation, open, services, signal)
    const { examples, promptTokens, tokens } = countOpen(open, encoded)
    const rate = services.runs.rate(evaluation.device.name, evaluation.base.id)
    const runs = evaluation.subjects.length * evaluation.tasks.length
    const memory = examples > 0 ? await memoryOf(evaluation, open, services, signal) : null
    return {
      ...{ runs, known: runs - open.length, examples, promptTokens, unfit },
      skipped: encoded.reduce((sum, task) => sum + (task?.skipped ?? 0), 0),
      needsBytes: memory?.needs ?? null,
      freeBytes: memory?.free ?? null,
      etaSeconds: rate === null ? null : tokens / rate,
      device: evaluation.device.name,
      problems: [...problems, ...remarksOn(evaluation, encoded, new Map())],
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ...nothing, unfit, device: evaluation.device.name, problems: [...problems, ...error.problems] }
  }
}

/** Examples that are left to be answered, the tokens of their prompts, and all their tokens when answers are as long as those expected. */
function countOpen(
  open: readonly OpenRun[],
  encoded: readonly (EncodedTask | undefined)[],
): { readonly examples: number; readonly promptTokens: number; readonly tokens: number } {
  let [examples, promptTokens, tokens] = [0, 0, 0]
  for (const { task, done } of open) {
    for (const { example, ask, prompt, answerTokens } of encoded[task]!.asked) {
      if (ask === null || done.has(example.id)) continue
      examples += 1
      promptTokens += prompt.length
      tokens += prompt.length + answerTokens
    }
  }
  return { examples, promptTokens, tokens }
}

/** Bytes of a rank unit's numbers, by device: single precision on the processor, bfloat16 on a GPU. */
const unitBytes = (device: string): number => (device === 'cpu' ? 4 : 2)

/** What the base model needs for batches of prompts, and the rank units of the subject with most of them; others are loaded after it. */
async function memoryOf(
  { base, device, subjects }: Evaluation,
  open: readonly OpenRun[],
  { engine }: Pick<EvaluateServices, 'engine'>,
  signal?: AbortSignal,
): Promise<{ readonly needs: number; readonly free: number } | null> {
  const { memory } = await engine.checkpoint(base.path, signal)
  const row = memory.find((entry) => entry.device === device.id)
  if (!row) return null
  const units = [...new Set(open.map(({ subject }) => subject))].map((place) => {
    const { terms, merge } = subjects[place]!
    const own = terms.flatMap(({ adapter }) => adapter.modules).reduce((sum, module) => sum + module.rank * (module.in + module.out), 0)
    const merged = merge?.modules.reduce((sum, module) => sum + merge.output.rank * (module.in + module.out), 0) ?? 0
    return own + merged
  })
  const most = units.reduce((left, right) => Math.max(left, right), 0)
  return { needs: row.needs + most * unitBytes(device.id), free: row.free }
}
