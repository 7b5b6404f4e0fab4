/** A Slurm of one machine and one node in a folder of its own: own munge key and socket, ports on loopback, no cgroups. Made with Debian's packages. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const programs = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'sinfo'] as const

/** A running cluster. */
export interface Slurm {
  /** What its commands need in their environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Lines of squeue. */
  queue(): Promise<readonly string[]>
  /** Waits until no job is left. */
  idle(timeoutMs: number): Promise<void>
  close(): Promise<void>
}

/** Why there can be no cluster here; null where there can. */
export function whyNoSlurm(): string | null {
  const missing = programs.filter((name) => placeOf(name) === null)
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (Debian: slurmctld slurmd slurm-client munge)`
  return process.getuid?.() === 0 ? null : 'slurmd starts jobs as their users, which takes root'
}

/** Starts it and waits until its node is ready. Throws with the logs when it does not become so. */
export async function startSlurm(): Promise<Slurm> {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-slurm-'))
  for (const name of ['state', 'spool', 'log', 'run']) mkdirSync(join(folder, name))
  const config = join(folder, 'slurm.conf')
  writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o400 })
  writeFileSync(config, configOf(folder, await freePort(), await freePort()))
  const environment = { SLURM_CONF: config }
  const children: ChildProcess[] = []
  const start = (name: (typeof programs)[number], parameters: readonly string[]): void => {
    children.push(spawn(placeOf(name)!, parameters, { stdio: 'ignore', env: { ...process.env, ...environment } }))
  }
  const close = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      if (child.exitCode !== null) continue
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await Promise.race([gone, setTimeout(5000).then(() => child.kill('SIGKILL'))])
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const ask = async (name: 'squeue' | 'sinfo', ...parameters: readonly string[]): Promise<string> =>
    (await run(placeOf(name)!, parameters, { env: { ...process.env, ...environment } })).stdout
  const queue = async (): Promise<readonly string[]> => (await ask('squeue', '-h')).split('\n').filter((line) => line !== '')

  start('munged', [
    ...['--foreground', '--force', `--key-file=${folder}/munge.key`, `--socket=${folder}/run/munge.sock`],
    ...[`--pid-file=${folder}/run/munged.pid`, `--log-file=${folder}/log/munged.log`, `--seed-file=${folder}/run/munged.seed`],
  ])
  start('slurmctld', ['-D', '-f', config])
  start('slurmd', ['-D', '-f', config])
  const ready = await until(20_000, async () => (await ask('sinfo', '-h', '-o', '%T')).trim() === 'idle')
  if (!ready) {
    const logs = ['munged', 'slurmctld', 'slurmd'].map((name) => `${name}:\n${logOf(join(folder, 'log', `${name}.log`))}`)
    await close()
    throw new Error(`Slurm did not become ready.\n${logs.join('\n')}`)
  }
  return {
    environment,
    queue,
    async idle(timeoutMs) {
      if (!(await until(timeoutMs, async () => (await queue()).length === 0)))
        throw new Error(`after ${timeoutMs} ms there are still jobs:\n${(await queue()).join('\n')}`)
    },
    close,
  }
}

function configOf(folder: string, controlPort: number, nodePort: number): string {
  const [host = 'localhost'] = hostname().split('.')
  return [
    ...['ClusterName=amalgam', `SlurmctldHost=${host}(127.0.0.1)`, 'SlurmUser=root', 'SlurmdUser=root'],
    ...['AuthType=auth/munge', 'CredType=cred/munge', `AuthInfo=socket=${folder}/run/munge.sock`],
    ...[`SlurmctldPort=${controlPort}`, `SlurmdPort=${nodePort}`],
    ...[`StateSaveLocation=${folder}/state`, `SlurmdSpoolDir=${folder}/spool`],
    ...[`SlurmctldPidFile=${folder}/run/slurmctld.pid`, `SlurmdPidFile=${folder}/run/slurmd.pid`],
    ...[`SlurmctldLogFile=${folder}/log/slurmctld.log`, `SlurmdLogFile=${folder}/log/slurmd.log`],
    ...['ProctrackType=proctrack/linuxproc', 'TaskPlugin=task/none', 'JobAcctGatherType=jobacct_gather/none', 'MpiDefault=none'],
    ...['SelectType=select/cons_tres', 'SelectTypeParameters=CR_Core', 'SchedulerType=sched/builtin', 'ReturnToService=2'],
    ...['SchedulerParameters=batch_sched_delay=0,sched_interval=1', 'SlurmdParameters=config_overrides', 'KillWait=2'],
    `NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN`,
    `PartitionName=main Nodes=${host} Default=YES MaxTime=INFINITE State=UP`,
    '',
  ].join('\n')
}

/** Daemons lie where a user's search path may not lead. */
function placeOf(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function logOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-3000)
  } catch (error) {
    return String(error)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Whether it came true in time; a command that fails meanwhile says no more than not yet. */
async function until(timeoutMs: number, isTrue: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await setTimeout(200)) {
    if (await isTrue().catch(() => false)) return true
  }
  return false
}
