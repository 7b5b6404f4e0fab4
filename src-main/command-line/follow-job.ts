import type { EventPayload } from '../contract/bridge.ts'
import type { Job, JobDetail } from '../contract/job.ts'
import type { CommandContext } from './command.ts'
import type { Session } from './session.ts'

/** Waits until a job has ended, shows how it goes, and cancels it on Ctrl+C. Answers with its last state and its result. */
export async function followJob(
  { services: { queue }, onEvent }: Session,
  jobId: string,
  context: Pick<CommandContext, 'signal' | 'progress'>,
): Promise<{ readonly job: Job; readonly result: JobDetail['result'] }> {
  const unsubscribe = onEvent((name, payload) => {
    if (name === 'job.changed') context.progress(progressText(payload as EventPayload<'job.changed'>))
  })
  const cancel = (): void => void queue.cancel(jobId)
  context.signal.addEventListener('abort', cancel)
  if (context.signal.aborted) cancel()
  const job = await queue.whenEnded(jobId).finally(() => {
    unsubscribe()
    context.signal.removeEventListener('abort', cancel)
  })
  return { job, result: (await queue.get(jobId))?.result ?? null }
}

function progressText({ title, state, progress }: Job): string {
  if (!progress) return `${title}: ${state}`
  const { stage, fraction, rate, unit, detail, etaSeconds } = progress
  // Rates are only told beside words that say of what: a merge's megabytes are nobody's concern.
  const more = detail === undefined ? '' : ` (${detail}, ${Math.round(rate)} ${unit}/s)`
  const left = etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`
  return `${title}: ${stage} ${Math.round(fraction * 100)} %${more}${left}`
}
