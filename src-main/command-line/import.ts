import { resolve } from 'node:path'
import type { EventPayload } from '../contract/bridge.ts'
import type { ImportReport } from '../contract/import-report.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { outcome, type Command, type CommandContext } from './command.ts'
import { formatTable } from './format.ts'
import { withSession, type Session } from './session.ts'

/** `import PATH...`: brings adapters into the library and waits for every check. */
export const importCommand: Command = {
  name: 'import',
  summary: 'Add adapters to the library: files, folders, or folders of folders.',
  takes: 'PATH...',
  least: 1,
  most: Infinity,
  options: [{ name: 'tag', value: 'TAG', repeatable: true, help: 'Give what is imported this tag.' }],
  notes: () => [
    'Files stay where they are and are never changed. Exit code 1 when anything was refused; the rest is imported all the same.',
  ],
  run: (given, context) =>
    withSession(given.value('library'), context, async (session) => {
      const report = await importPaths(session, given.positionals, context, given.values('tag'))
      const { counts, items } = report
      const problems = items.filter((item) => item.status === 'refused').flatMap((item) => item.problems)
      return outcome({ counts, items }, importLines(report), problems)
    }),
}

/** Imports `paths` and resolves with the report when every check is done. Ctrl+C stops it, which is a Refusal. */
export async function importPaths(
  session: Session,
  paths: readonly string[],
  context: Pick<CommandContext, 'signal' | 'progress'>,
  tags: readonly string[] = [],
): Promise<ImportReport> {
  const started = session.services.importer.start(
    paths.map((path) => resolve(path)),
    { origin: 'imported', tags },
  )
  return waitForImport(session, started, context)
}

/** Waits for what was started, with its progress on the terminal, and resolves with the report. Ctrl+C stops it, which is a Refusal. */
export async function waitForImport(
  session: Session,
  started: ReturnType<Session['services']['importer']['start']>,
  context: Pick<CommandContext, 'signal' | 'progress'>,
): Promise<ImportReport> {
  const { importer } = session.services
  const { id } = started
  if (id === null) throw new Refusal(started.problems)
  const stop = (): void => void importer.stop(id)
  context.signal.addEventListener('abort', stop)
  const unsubscribe = session.onEvent((name, payload) => {
    if (name === 'import.progress') context.progress(progressText(payload as EventPayload<'import.progress'>))
  })
  try {
    if (context.signal.aborted) stop()
    const report = await importer.finished(id)
    if (context.signal.aborted)
      throw new Refusal([errorProblem('cancelled', 'The import was stopped; what was checked is in the library.')])
    return report
  } finally {
    unsubscribe()
    context.signal.removeEventListener('abort', stop)
  }
}

function progressText({ stage, done, total, etaSeconds }: EventPayload<'import.progress'>): string {
  return `${stage} ${done} of ${total}${etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`}`
}

function importLines({ counts, items }: ImportReport): readonly string[] {
  const reasons = Object.entries(counts.byReason).map(([code, count]) => `${count} ${code}`)
  const rows = items.map(({ status, variant, path, problems }) => [
    status,
    variant,
    path,
    problems.map((problem) => problem.code).join(', '),
  ])
  return [
    ...formatTable([['STATUS', 'VARIANT', 'PATH', 'REMARKS'], ...rows]),
    '',
    `${counts.imported} imported, ${counts.duplicate} duplicate, ${counts.refused} refused${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`,
  ]
}
