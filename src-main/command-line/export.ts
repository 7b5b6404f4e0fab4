import { resolve } from 'node:path'
import * as v from 'valibot'
import type { AdapterDetail } from '../contract/adapter.ts'
import { exportProfileIds, exportProfiles, exportResultSchema, type ExportCheck, type ExportProfile } from '../contract/export-profiles.ts'
import type { Job } from '../contract/job.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { checkExport } from '../jobs/export-plan.ts'
import type { ExportInput } from '../jobs/export-input.ts'
import { exitCodes, outcome, type Command, type CommandContext, type Outcome } from './command.ts'
import { followJob } from './follow-job.ts'
import { formatProblem } from './format.ts'
import { withSession, type Session } from './session.ts'

/** `export ID --out DIR`: an adapter's folder as a tool reads it. */
export const exportCommand: Command = {
  name: 'export',
  summary: 'Write an adapter for a tool to a new folder, or say what the tool makes of it.',
  takes: 'ID',
  least: 1,
  most: 1,
  options: [
    { name: 'out', value: 'DIR', help: 'The folder to make; it must not exist yet.' },
    { name: 'profile', value: 'NAME', allowed: exportProfileIds, help: 'The tool to write for (peft when not given).' },
    { name: 'pad-to', value: 'N', help: 'Raise the rank to N with zeros; the smallest rank that the tool takes when not given.' },
    { name: 'check', help: 'Write nothing; say what the tool would refuse, ignore or get wrong, and what the export changes.' },
  ],
  notes: () => Object.entries(exportProfiles).map(([id, { label, summary }]) => `  ${id.padEnd(9)} ${label}: ${summary}`),
  async run(given, context) {
    const profile = (given.value('profile') ?? 'peft') as ExportProfile
    const out = given.value('out')
    const padTo = given.value('pad-to') ?? '0'
    if (out === undefined && !given.has('check')) return usage('field-missing', 'export needs --out DIR, or --check.', '--out')
    if (!/^\d{1,4}$/.test(padTo)) return usage('rank-invalid', `--pad-to is "${padTo}", not a rank.`, '--pad-to')
    return withSession(given.value('library'), context, async (session) => {
      const { adapters } = session.services.library
      const found = adapters.find(given.positionals[0] ?? '', process.cwd())
      if ('code' in found) return outcome({ path: null, problems: [found] }, [], [found])
      const adapter = adapters.get(found.id)
      if (!adapter) throw new Error(`adapter ${found.id} was found and is not there`)
      if (given.has('check')) return checkOutcome(adapter, checkExport(adapter, profile, Number(padTo)))
      return runExport(session, { adapter: adapter.id, profile, padTo: Number(padTo), outFolder: resolve(out ?? '') }, context)
    })
  },
}

function usage(code: 'field-missing' | 'rank-invalid', message: string, field: string): Outcome {
  const problem = errorProblem(code, message, { where: { field } })
  return { ...outcome({ problems: [problem] }, [], [problem]), exitCode: exitCodes.usage }
}

/** What the tool says; refused when nothing can be exported for it. */
function checkOutcome(adapter: AdapterDetail, check: ExportCheck): Outcome {
  const tool = exportProfiles[check.profile].label
  const rank = check.rank === null ? 'cannot be made' : `rank ${check.rank}, ${check.sizeBytes} bytes`
  const lines = [
    `${adapter.name} as it is, in ${tool}: ${check.unchanged.length === 0 ? 'nothing to say' : ''}`.trimEnd(),
    ...said(check.unchanged),
    `Exported for ${tool} (${rank}): ${check.exported.length === 0 ? 'nothing to say' : ''}`.trimEnd(),
    ...said(check.exported),
  ]
  return { exitCode: outcome(null, [], check.exported).exitCode, json: check, lines, problems: [] }
}

function said(problems: readonly Problem[]): readonly string[] {
  return problems.flatMap(formatProblem).map((line) => `  ${line}`)
}

/** Runs one export job to its end. */
async function runExport(session: Session, input: ExportInput, context: CommandContext): Promise<Outcome> {
  const { jobId, problems } = session.services.queue.start('export', input)
  if (jobId === null) return outcome({ path: null, problems }, [], problems)
  const { job, result } = await followJob(session, jobId, context)
  return exportOutcome(job, result)
}

function exportOutcome(job: Job, stored: unknown): Outcome {
  if (job.state !== 'done') {
    const told = hasError(job.problems) ? job.problems : [...job.problems, errorProblem('cancelled', `The export was ${job.state}.`)]
    return outcome({ path: null, problems: told }, [], told)
  }
  const result = v.parse(exportResultSchema, stored)
  return outcome({ ...result, problems: job.problems }, [result.path], job.problems)
}
