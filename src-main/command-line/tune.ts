import { adaptOptions, adaptUsage, readAdaptInput } from './adapt-options.ts'
import { runAdaptation } from './adapt-run.ts'
import { exitCodes, outcome, type Command } from './command.ts'
import { withSession } from './session.ts'

/** `tune`: chooses adapters, learns their coefficients by gradient, and makes one adapter of the sum. */
export const tuneCommand: Command = {
  name: 'tune',
  summary: 'Choose adapters for a task and tune their coefficients by gradient.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    ...adaptOptions('tune'),
    { name: 'rank', value: 'RANK', help: 'Cut the result to this rank; 0 keeps the exact sum. Short for --set outputRank=RANK.' },
  ],
  notes: () => ['A job that was stopped goes on where it was when the same command is given again. Test examples are never read.'],
  run(given, context) {
    const rank = given.value('rank')
    const wrong = adaptUsage(given) ?? (rank !== undefined && !/^\d{1,5}$/.test(rank) ? `--rank is "${rank}". Allowed: a whole number from 0.` : undefined) // prettier-ignore
    if (wrong !== undefined) {
      context.remark(wrong)
      return Promise.resolve({ ...outcome(undefined, []), exitCode: exitCodes.usage })
    }
    return withSession(given.value('library'), context, async (session) => {
      const input = await readAdaptInput(session, given, context, 'tune')
      const params = rank === undefined ? input.params : { ...input.params, outputRank: Number(rank) }
      return runAdaptation(session, { ...input, params }, context)
    })
  },
}
