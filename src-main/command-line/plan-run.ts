import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { PlanDetail } from '../contract/plan-run.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import { describeComparedPlan } from '../plans/plan-detail.ts'
import { exitCodes, outcome, type Arguments, type CommandContext, type OptionSpec, type Outcome } from './command.ts'
import { readPlanFile } from './plan-file.ts'
import { cellLines, planTable, resultLines } from './plan-lines.ts'
import { withLibraryNames } from './plan-names.ts'
import { withSession, type Session } from './session.ts'

/** Options of `plan run`. */
export const runOptions: readonly OptionSpec[] = [
  {
    name: 'cells',
    value: 'PART',
    repeatable: true,
    help: 'run: only this part of the plan, as "plan check" lists it; all that are open when none is given.',
  },
  { name: 'again', help: 'run: anew what is done, too.' },
]

/** How often the line that says how a plan goes is renewed, in milliseconds. */
const lookIntervalMs = 250

/** `plan run PLAN|ID`: starts a plan from its file, or goes on with one of the library, and follows it to its end. */
export async function runPlan([word]: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome> {
  if (word === undefined) return usage('Name the plan\'s file, or the id of one of the library: "amalgam plan run PLAN".')
  return withSession(given.value('library'), context, async (session) => {
    const { plans } = session.services
    plans.takeUp()
    const cells = given.values('cells').flatMap((one) => one.split(',').map((part) => part.trim()))
    const { planId, problems } = await begin(session, word, cells, given.has('again'), context)
    if (planId === null) return outcome({ planId, problems }, [], problems)
    await follow(session, planId, context)
    const plan = await describeComparedPlan(session.services.planDescriber, planId)
    return plan ? ended(plan, problems) : outcome({ planId, problems }, [], problems)
  })
}

/** `plan status [ID]`: the plans of the library, or one of them with its parts and what it found. */
export async function planStatus([id]: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome> {
  return withSession(given.value('library'), context, async ({ services }) => {
    services.plans.takeUp()
    if (id === undefined) {
      const list = services.library.plans.list()
      return outcome(list, list.length > 0 ? planTable(list) : ['No plans.'])
    }
    const plan = await describeComparedPlan(services.planDescriber, id)
    if (!plan) return refused(unknownPlan(id))
    return { ...outcome(plan, [...cellLines(plan), ...resultLines(plan)]), problems: plan.problems }
  })
}

async function begin(
  session: Session,
  word: string,
  cells: readonly string[],
  again: boolean,
  context: CommandContext,
): Promise<{ readonly planId: string | null; readonly problems: readonly Problem[] }> {
  const { plans, library } = session.services
  const path = resolve(word)
  if (library.plans.get(word)) {
    const problems = await plans.run(word, cells, again)
    return { planId: hasError(problems) ? null : word, problems }
  }
  if (!existsSync(path)) return { planId: null, problems: [unknownPlan(word)] }
  const { plan, problems } = await readPlanFile(path)
  if (!plan) return { planId: null, problems }
  return plans.start(await withLibraryNames(session, plan, dirname(path), context), cells)
}

/** Shows how the plan goes until it ends; Ctrl+C stops it. */
async function follow({ services: { plans, library } }: Session, planId: string, context: CommandContext): Promise<void> {
  const stop = (): void => void plans.stop(planId)
  context.signal.addEventListener('abort', stop)
  if (context.signal.aborted) stop()
  const looking = setInterval(() => {
    const progress = plans.progressOf(planId)
    const summary = library.plans.list().find(({ id }) => id === planId)
    if (!progress || !summary) return
    const { cell, stage, fraction, etaSeconds } = progress
    const left = etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`
    context.progress(
      `${summary.done} of ${summary.total} done; ${cell ?? 'test examples'}: ${stage} ${Math.round(100 * fraction)} %${left}`,
    )
  }, lookIntervalMs)
  await plans.whenEnded(planId).finally(() => {
    clearInterval(looking)
    context.signal.removeEventListener('abort', stop)
  })
}

/** Parts that failed or were not reached make the command fail; what is done is shown all the same. */
function ended(plan: PlanDetail, said: readonly Problem[]): Outcome {
  const { id, title, state, headline, done, failed, total, cells, comparisons } = plan
  const problems = [...new Map([...plan.problems, ...said].map((problem) => [JSON.stringify(problem), problem])).values()]
  const stopped = state === 'cancelled' || state === 'interrupted' ? [errorProblem('cancelled', `The plan was stopped; "amalgam plan run ${id}" goes on with it.`)] : [] // prettier-ignore
  const json = { planId: id, title, state, headline, done, failed, total, cells, comparisons, problems: [...problems, ...stopped] }
  const isWhole = state === 'done'
  return { exitCode: isWhole ? exitCodes.done : exitCodes.failed, json, lines: [`Plan ${id}`, '', ...failures(plan), ...resultLines(plan)], problems: [...problems, ...stopped] } // prettier-ignore
}

function failures({ cells }: PlanDetail): readonly string[] {
  const lines = cells
    .filter(({ state }) => state === 'failed' || state === 'left')
    .map(({ id, state, problems }) => `${id} ${state}: ${problems.find(({ severity }) => severity === 'error')?.message ?? ''}`)
  return lines.length > 0 ? [...lines, ''] : []
}

function unknownPlan(id: string): Problem {
  return errorProblem('plan-unknown', `There is no plan with the id ${id}, and no file of that name.`, {
    where: { value: id },
    hint: '"amalgam plan status" lists the plans of the library.',
  })
}

function refused(problem: Problem): Outcome {
  return outcome({ problems: [problem] }, [], [problem])
}

function usage(message: string): Outcome {
  const problems = [errorProblem('request-invalid', message)]
  return { exitCode: exitCodes.usage, json: { problems }, lines: [], problems }
}
