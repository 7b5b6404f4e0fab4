import { basename, join, resolve } from 'node:path'
import { openCommonPort } from '../host/port.ts'
import { listBackups, type Backup } from '../library/backups.ts'
import { libraryFile } from '../library/open-library.ts'
import { restoreBackup } from '../library/restore-backup.ts'
import { takeWindowLock } from '../library/window-lock.ts'
import { outcome, type Command } from './command.ts'
import { formatTable } from './format.ts'

/** `restore-backup [BACKUP]`: lists the backups of the library, or puts one in its place. */
export const restoreBackupCommand: Command = {
  name: 'restore-backup',
  summary: 'List the backups of the library, or put one in its place.',
  takes: '[BACKUP]',
  least: 0,
  most: 1,
  options: [],
  notes: () => [
    'BACKUP is a path or a file name from the list, or "newest". The library that is replaced is kept beside it under another name.',
    'Backups are made once a day and before the tables change; the last five are kept. They hold what the library knows, not the adapters.',
  ],
  async run(given, context) {
    const { paths, log } = openCommonPort({
      codeFolder: context.codeFolder,
      libraryFolder: given.value('library'),
      roots: [],
      echo: () => undefined,
    })
    const file = join(paths.library, libraryFile)
    const backups = listBackups(file)
    const wanted = given.positionals[0]
    if (wanted === undefined) return outcome({ backups }, backupLines(backups))
    const unlock = takeWindowLock(paths.library)
    try {
      const restored = pathOf(wanted, backups)
      const kept = restoreBackup(file, restored, new Date())
      log.warn('a backup was put in the place of the library', { restored, keptAs: kept })
      const lines = [`The library is now as in ${restored}.`, ...(kept === null ? [] : [`What it was before is kept as ${kept}.`])]
      return outcome({ restored, kept }, lines)
    } finally {
      unlock()
      await log.close()
    }
  },
}

function pathOf(wanted: string, backups: readonly Backup[]): string {
  if (wanted === 'newest' && backups[0]) return backups[0].path
  return backups.find(({ path }) => basename(path) === wanted)?.path ?? resolve(wanted)
}

function backupLines(backups: readonly Backup[]): readonly string[] {
  if (backups.length === 0) return ['There is no backup of this library.']
  const rows = backups.map(({ path, at, adapters }) => [at, String(adapters), path])
  return formatTable([['MADE AT', 'ADAPTERS', 'BACKUP'], ...rows])
}
