import { adaptOptions, adaptUsage, readAdaptInput } from './adapt-options.ts'
import { runAdaptation } from './adapt-run.ts'
import { exitCodes, outcome, type Command } from './command.ts'
import { findSubjects } from './find-evaluated.ts'
import { withSession } from './session.ts'

/** `train`: trains a new adapter on the labelled examples of a task. */
export const trainCommand: Command = {
  name: 'train',
  summary: 'Train a fresh LoRA on the labelled examples of a task.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    ...adaptOptions('train').filter(({ name }) => name !== 'pool'),
    { name: 'from', value: 'ADAPTER', help: 'Start from this adapter instead of a fresh one: id, unique name or path.' },
  ],
  notes: () => ['A job that was stopped goes on where it was when the same command is given again. Test examples are never read.'],
  run(given, context) {
    const wrong = adaptUsage(given)
    if (wrong !== undefined) {
      context.remark(wrong)
      return Promise.resolve({ ...outcome(undefined, []), exitCode: exitCodes.usage })
    }
    return withSession(given.value('library'), context, async (session) => {
      const from = given.value('from')
      const [start] = from === undefined ? [] : await findSubjects(session, [from], context)
      const startFrom = start?.kind === 'adapter' ? start.adapterId : null
      return runAdaptation(session, await readAdaptInput(session, given, context, 'train', { startFrom }), context)
    })
  },
}
