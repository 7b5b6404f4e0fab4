import type { Job, JobDetail } from '../contract/job.ts'
import { errorProblem } from '../contract/problems.ts'
import { outcome, type Command } from './command.ts'
import { formatTable } from './format.ts'
import { withSession } from './session.ts'

/** `jobs [ID]`: the queue with its history, or one job with its log. */
export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'List the jobs, or show one with its log.',
  takes: '[ID]',
  least: 0,
  most: 1,
  options: [],
  run: (given, context) =>
    withSession(given.value('library'), context, async ({ services: { queue } }) => {
      const [id] = given.positionals
      if (id === undefined) {
        const jobs = queue.list()
        return outcome(jobs, jobs.length > 0 ? jobTable(jobs) : ['No jobs.'])
      }
      const job = await queue.get(id)
      if (job) return { ...outcome(job, jobLines(job)), problems: job.problems }
      const problem = errorProblem('job-unknown', `There is no job "${id}".`, { where: { value: id }, hint: '"amalgam jobs" lists them.' })
      return outcome({ problems: [problem] }, [], [problem])
    }),
}

function jobTable(jobs: readonly Job[]): readonly string[] {
  return formatTable([
    ['STATE', 'KIND', 'TITLE', 'CREATED', 'ID'],
    ...jobs.map((job) => [job.state, job.kind, job.title, job.createdAt, job.id]),
  ])
}

function jobLines(job: JobDetail): readonly string[] {
  return [
    ...formatTable([
      ['Title', job.title],
      ['Id', job.id],
      ['State', job.state],
      ['Created', job.createdAt],
      ['Started', job.startedAt ?? '-'],
      ['Ended', job.endedAt ?? '-'],
      ['Result', job.resultAdapterId ?? '-'],
      ['Fingerprint', job.fingerprint ?? '-'],
      ['Log', job.logPath],
    ]),
    '',
    ...job.recipe.trimEnd().split('\n'),
    '',
    ...job.log,
  ]
}
