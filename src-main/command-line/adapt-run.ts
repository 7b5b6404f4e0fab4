import type { AdaptationDetail, AdaptInput } from '../contract/adapt.ts'
import type { Job } from '../contract/job.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { startAdaptations } from '../jobs/adapt-start.ts'
import { outcome, type CommandContext, type Outcome } from './command.ts'
import { shownValue } from './eval.ts'
import { followJob } from './follow-job.ts'
import { formatNumber, formatTable } from './format.ts'
import type { Session } from './session.ts'

/** Starts one job of Adapt, follows it to its end, and says what became of it (CONTRACT.md, "Command line"). */
export async function runAdaptation(session: Session, input: AdaptInput, context: CommandContext): Promise<Outcome> {
  const { adapt, queue, library } = session.services
  const { jobIds, problems } = startAdaptations({ input, seeds: [], sweep: {} }, adapt, queue)
  const [jobId] = jobIds
  if (jobId === undefined) return outcome({ problems }, [], problems)
  const { job } = await followJob(session, jobId, context)
  const said = problemsOf(job)
  const detail = library.adaptations.get(jobId)
  const path = job.resultAdapterId === null ? null : (library.adapters.get(job.resultAdapterId)?.paths[0] ?? null)
  const json = {
    ...{ jobId, adapterId: job.resultAdapterId, path },
    chosenStep: detail?.chosenStep ?? null,
    startLoss: detail?.startLoss ?? null,
    chosenLoss: detail?.chosenLoss ?? null,
    measured: detail?.form?.measured ?? [],
    form: detail?.form ? { rank: detail.form.rank, exact: detail.form.exact, keptEnergy: detail.form.keptEnergy } : null,
    stopped: detail?.stopped ?? null,
    check: detail?.check ?? null,
    cost: detail?.cost ?? null,
    selection: detail?.selection.filter(({ place }) => place !== null) ?? [],
    problems: said,
  }
  return outcome(json, detail ? lines(detail, job, path) : [], said)
}

function problemsOf({ state, problems }: Job): readonly Problem[] {
  if (state === 'done' || hasError(problems)) return problems
  return [...problems, errorProblem('cancelled', `The job was ${state}; it goes on where it was when the same command is given again.`)]
}

const whats = { base: 'base model', own: 'own LoRA', exact: 'exact form', result: 'result' } as const

function lines(detail: AdaptationDetail, job: Job, path: string | null): readonly string[] {
  const { chosenStep, startLoss, chosenLoss, stoppedText, form, check, cost, noValidation } = detail
  const loss = noValidation ? 'training loss' : 'validation loss'
  const facts: readonly (readonly [string, string | null])[] = [
    ['Job', `${job.title} (${job.state})`],
    ['Adapter', job.resultAdapterId],
    ['Folder', path],
    [
      'Step kept',
      chosenStep === null
        ? null
        : `${chosenStep}, ${loss} ${shown(chosenLoss)}${startLoss === null ? '' : ` (${shown(startLoss)} at step 0)`}`,
    ],
    ['Ended', stoppedText],
    [
      'Form',
      form && `rank ${form.rank}, ${form.exact ? 'the exact sum' : `${(100 * form.keptEnergy).toFixed(2)} % of the squared norm kept`}`,
    ],
    ['Check', check && `${check.equal} of ${check.n} answers equal those of ${check.expected}`],
    ['Spent', `${cost.tokens.toLocaleString('en')} tokens, ${cost.seconds.toFixed(1)} s, ${cost.examples} examples, ${cost.device}`],
  ]
  const measured = (form?.measured ?? []).map(({ what, split, metric, n, value, low, high }) => [
    ...[whats[what], split, String(n), metric, shownValue(metric, value), `${shownValue(metric, low)} to ${shownValue(metric, high)}`],
  ])
  return [
    ...formatTable(facts.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
    ...(measured.length > 0
      ? ['', ...formatTable([['MEASURED', 'SPLIT', 'N', 'METRIC', 'VALUE', '95 % INTERVAL'], ...measured], [2, 4])]
      : []),
  ]
}

function shown(value: number | null): string {
  return value === null ? 'not finite' : formatNumber(value)
}
