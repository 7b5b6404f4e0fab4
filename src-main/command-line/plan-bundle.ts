import { resolve } from 'node:path'
import { errorProblem } from '../contract/problems.ts'
import { bundleOptions } from '../ipc/bundle-handlers.ts'
import { describeComparedPlan } from '../plans/plan-detail.ts'
import { readBundle } from '../plans/read-bundle.ts'
import { writeBundle, writeBundleInto } from '../plans/write-bundle.ts'
import { exitCodes, outcome, type Arguments, type CommandContext, type Outcome } from './command.ts'
import { withSession } from './session.ts'

/** `plan export ID [--out FILE]`: a plan with its results as one zip file, beside the working folder when no name is given. */
export async function exportPlan([id]: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome> {
  if (id === undefined) return usage('Name the plan\'s id: "amalgam plan export ID --out FILE.zip".')
  const out = given.value('out')
  const path = await withSession(given.value('library'), context, async ({ services }) => {
    if (out === undefined) return writeBundleInto(id, process.cwd(), bundleOptions(services))
    await writeBundle(id, resolve(out), bundleOptions(services))
    return resolve(out)
  })
  return outcome({ planId: id, path, problems: [] }, [path, 'The test examples and their answers are in it; weights are not.'])
}

/** `plan import FILE`: reads such a file into the library. */
export async function importPlan([path]: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome> {
  if (path === undefined) return usage('Name the file: "amalgam plan import FILE.zip".')
  return withSession(given.value('library'), context, async ({ services }) => {
    const { planId, problems } = await readBundle(resolve(path), bundleOptions(services))
    const plan = await describeComparedPlan(services.planDescriber, planId)
    const { title = null, headline = null } = plan ?? {}
    return outcome({ planId, title, headline, problems }, [`${planId}  ${title}`, ...(headline === null ? [] : [headline])], problems)
  })
}

function usage(message: string): Outcome {
  const problems = [errorProblem('request-invalid', message)]
  return { exitCode: exitCodes.usage, json: { problems }, lines: [], problems }
}
