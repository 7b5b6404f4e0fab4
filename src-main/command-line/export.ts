import { resolve } from 'node:path'
import { errorProblem } from '../contract/problems.ts'
import { exportAdapter } from '../ipc/export-adapter.ts'
import { exitCodes, outcome, type Command } from './command.ts'
import { withSession } from './session.ts'

/** Formats an adapter can be written in. */
const profiles = ['peft'] as const

/** `export ID --out DIR`: a copy of an adapter's folder as PEFT loads it. */
export const exportCommand: Command = {
  name: 'export',
  summary: 'Copy an adapter, as PEFT loads it, to a new folder.',
  takes: 'ID',
  least: 1,
  most: 1,
  options: [
    { name: 'out', value: 'DIR', help: 'The folder to make; it must not exist yet.' },
    { name: 'profile', value: 'NAME', allowed: profiles, help: 'The format to write (peft when not given).' },
  ],
  async run(given, context) {
    const out = given.value('out')
    if (out === undefined) {
      const problem = errorProblem('field-missing', 'export needs --out DIR.', { where: { field: '--out' } })
      return { ...outcome({ problems: [problem] }, [], [problem]), exitCode: exitCodes.usage }
    }
    return withSession(given.value('library'), context, async ({ services: { library } }) => {
      const found = library.adapters.find(given.positionals[0] ?? '', process.cwd())
      if ('code' in found) return outcome({ path: null, problems: [found] }, [], [found])
      const adapter = library.adapters.get(found.id)
      if (!adapter) throw new Error(`adapter ${found.id} was found and is not there`)
      const exported = await exportAdapter(adapter, resolve(out))
      return outcome(exported, exported.path === null ? [] : [exported.path], exported.problems)
    })
  },
}
