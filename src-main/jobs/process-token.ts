import { readFileSync } from 'node:fs'

/**
 * Names a process so that a later one can tell whether it still runs: its id and, where the system tells it, the moment it began
 * (ids are used again). Several processes may share a library; a job belongs to the one that has its token.
 */
export function processToken(pid = process.pid): string {
  return `${pid}@${beginOf(pid) ?? ''}`
}

/** True while the process of `token` runs. Anything that is not a token counts as ended. */
export function isAlive(token: string | undefined): boolean {
  const pid = Number(token?.split('@')[0])
  if (token === undefined || !Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    // EPERM: it runs, and belongs to somebody else.
  }
  return processToken(pid) === token
}

/** Clock ticks from the machine's start to the process's, field 22 of /proc/PID/stat; undefined where there is no such file. */
function beginOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in brackets and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
