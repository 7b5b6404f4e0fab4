import { join } from 'node:path'
import { requests, type RequestName } from '../contract/bridge.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { createEngine } from '../engine/engine.ts'
import { listBackups } from '../library/backups.ts'
import { libraryFile } from '../library/open-library.ts'
import { restoreBackup, startEmpty } from '../library/restore-backup.ts'
import type { HostPort } from './host-port.ts'
import type { Handlers } from './serve.ts'

/** The problem for which the app goes into its recovery state instead of ending; undefined for every other error. */
export function damageOf(error: unknown): Problem | undefined {
  return error instanceof Refusal ? error.problems.find((problem) => problem.code === 'library-corrupt') : undefined
}

/** What answers requests while the library is damaged. `retry` opens it again; it throws a Refusal when it is damaged still. */
export function recoveryHandlers(host: HostPort, problem: Problem, retry: () => void): Handlers {
  const file = join(host.paths.library, libraryFile)
  const { log } = host
  const refuse = (): never => {
    throw new Refusal([problem])
  }
  const recover = (put: () => string | null, what: string): { problems: Problem[] } => {
    const aside = put()
    log.warn(what, { file, keptAs: aside })
    retry()
    return { problems: [] }
  }
  const refusals = Object.fromEntries(Object.keys(requests).map((name) => [name, refuse])) as Record<RequestName, () => never>
  return {
    ...refusals,
    'app.info': () => ({
      version: host.version,
      host: host.kind,
      libraryFolder: host.paths.library,
      outputFolder: host.paths.outputs,
      device: createEngine({ threads: () => 0 }).devices(),
      canPick: host.canPick,
      demoAvailable: false,
      recovery: { problem, backups: listBackups(file) },
    }),
    'app.reveal': async ({ path }) => {
      if (!(await host.access.isAllowed(path))) refuse()
      await host.reveal(path)
      return { problems: [] }
    },
    'recovery.restore': ({ path }) =>
      recover(() => restoreBackup(file, path, host.clock()), 'a backup was put in the place of the library'),
    'recovery.startEmpty': () => recover(() => startEmpty(file, host.clock()), 'an empty library was begun'),
  }
}

/** The recovery requests while nothing is to be recovered. */
export const nothingToRecover = {
  'recovery.restore': refuseSound,
  'recovery.startEmpty': refuseSound,
} as const

function refuseSound(): never {
  throw new Refusal([
    errorProblem('request-invalid', 'The library is sound, so nothing is put in its place.', {
      hint: 'To go back to a backup all the same, close this window and run "amalgam restore-backup".',
    }),
  ])
}
