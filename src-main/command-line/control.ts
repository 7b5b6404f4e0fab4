import { controlIds, controlOf, controls, type ControlId } from '../contract/controls.ts'
import { presets } from '../contract/presets.ts'
import { tuners, type Arm } from '../contract/tuners.ts'
import { adaptOptions, adaptUsage, readAdaptInput } from './adapt-options.ts'
import { runAdaptation } from './adapt-run.ts'
import { exitCodes, outcome, type Arguments, type Command } from './command.ts'
import { withSession } from './session.ts'

/** `control`: an arm with something taken away, so that it can be seen what that something was worth. */
export const controlCommand: Command = {
  name: 'control',
  summary: 'Run a control: an arm with something taken away.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    { name: 'kind', value: 'KIND', allowed: controlIds, help: 'Which control. Needed.' },
    ...adaptOptions('tune').map((option) => {
      if (option.name === 'preset') return { ...option, allowed: presets.filter(({ arm }) => arm !== 'search').map(({ id }) => id) }
      if (option.name === 'set') return { ...option, help: 'A parameter of the arm that the control goes with (see tune and train).' }
      return option
    }),
  ],
  notes: () => [
    'Parameters that a control fixes win over the given ones; everything else is as in the arm, so that the two can be compared.',
    ...controls.map(({ id, summary }) => `  ${id.padEnd(28)}${summary}`),
  ],
  run(given, context) {
    const wrong = given.has('kind') ? adaptUsage(given) : '--kind is needed.'
    if (wrong !== undefined) {
      context.remark(wrong)
      return Promise.resolve({ ...outcome(undefined, []), exitCode: exitCodes.usage })
    }
    const control = kindOf(given)
    const arm = armOf(control)
    return withSession(given.value('library'), context, async (session) =>
      runAdaptation(session, await readAdaptInput(session, given, context, arm, { control }), context),
    )
  },
}

function kindOf(given: Arguments): ControlId {
  const kind = controlIds.find((id) => id === given.value('kind'))
  if (kind === undefined) throw new Error(`the option --kind let "${given.value('kind')}" through`)
  return kind
}

/** The arm whose parameters the control takes. */
function armOf(control: ControlId): Arm {
  const { arm } = controlOf(control)
  return tuners.find(({ id }) => id === arm)?.id ?? 'tune'
}
