import { join, resolve } from 'node:path'
import type { ReportFormat } from '../contract/plan-run.ts'
import { errorProblem } from '../contract/problems.ts'
import { reportOf } from '../ipc/report-handlers.ts'
import { renderReport } from '../report/report.ts'
import { writeReport } from '../report/write-report.ts'
import { exitCodes, outcome, type Arguments, type CommandContext, type Outcome } from './command.ts'
import { withSession } from './session.ts'

/**
 * `plan report ID [--out DIR] [--format FORMAT]`: with a format the report goes to the standard output in that form; without, all forms are written into
 * a new folder in DIR (the working folder when not given).
 */
export async function reportPlan([id]: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome> {
  if (id === undefined) return usage('Name the plan\'s id: "amalgam plan report ID --out DIR".')
  const format = given.value('format')
  return withSession(given.value('library'), context, async ({ services }) => {
    const input = await reportOf(services.planDescriber, id)
    if (format !== undefined) {
      // The options' table lets no other word through.
      const text = renderReport(input, format as ReportFormat)
      return outcome({ planId: id, format, text, problems: [] }, [text.replace(/\r?\n$/, '')])
    }
    const { path, files } = await writeReport(input, resolve(given.value('out') ?? '.'))
    return outcome({ planId: id, path, files, problems: [] }, [join(path, 'report.html')])
  })
}

function usage(message: string): Outcome {
  const problems = [errorProblem('request-invalid', message)]
  return { exitCode: exitCodes.usage, json: { problems }, lines: [], problems }
}
