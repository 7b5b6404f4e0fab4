import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { lockHolder, takeLock, thisProcess, type JobLock } from '../../../src-main/cluster/job-lock.ts'
import { processToken } from '../../../src-main/jobs/process-token.ts'

const times = { beatMs: 20, silentMs: 300 }
const scratch = (): string => mkdtempSync(join(tmpdir(), 'amalgam-lock-'))
const elsewhere = { host: 'node7', space: 'another machine', process: '123@456', since: '2026-01-01T00:00:00.000Z' }

async function taken(folder: string, me = thisProcess()): Promise<JobLock> {
  const got = await takeLock(folder, '1', times, me)
  if (!('lock' in got)) throw new Error(`held by ${got.heldBy.host}`)
  return got.lock
}

test('one holds it, others hear who; once it is released the next one gets it and no file is left', async () => {
  const folder = scratch()
  const lock = await taken(folder)
  const second = await takeLock(folder, '1', times)
  expect(second).toEqual({ heldBy: expect.objectContaining({ process: processToken() }) as unknown })
  expect(await lockHolder(folder, '1', times)).toMatchObject({ process: processToken() })
  expect('lock' in (await takeLock(folder, '2', times))).toBe(true)
  await lock.release()
  expect(await lockHolder(folder, '1', times)).toBeNull()
  await (await taken(folder)).release()
  expect(readdirSync(folder).filter((name) => name.startsWith('1.'))).toEqual([])
})

test('of many that ask at once exactly one gets it', async () => {
  const folder = scratch()
  // A dead holder is there, so that all of them want to take over.
  writeFileSync(join(folder, '1.lock.1'), JSON.stringify({ ...thisProcess(), process: '4194303@1' }))
  const got = await Promise.all(Array.from({ length: 12 }, () => takeLock(folder, '1', times)))
  expect(got.filter((one) => 'lock' in one)).toHaveLength(1)
  expect(readdirSync(folder)).toEqual(['1.lock.2'])
})

test('a holder on this machine that was killed is taken over at once', async () => {
  const folder = scratch()
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const token = processToken(child.pid)
  writeFileSync(join(folder, '1.lock.3'), JSON.stringify({ ...thisProcess(), process: token }))
  expect(await takeLock(folder, '1', times)).toMatchObject({ heldBy: { process: token } })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = await taken(folder)
  expect(readdirSync(folder)).toEqual(['1.lock.4'])
  await lock.release()
})

test('a holder elsewhere keeps it as long as its file is written, and loses it after silence', async () => {
  const folder = scratch()
  const theirs = await taken(folder, elsewhere)
  await setTimeout(2 * times.silentMs)
  expect(await takeLock(folder, '1', times)).toEqual({ heldBy: elsewhere })
  await theirs.release()
  writeFileSync(join(folder, '1.lock.1'), JSON.stringify(elsewhere))
  expect(await takeLock(folder, '1', times)).toEqual({ heldBy: elsewhere })
  const before = (Date.now() - 2 * times.silentMs) / 1000
  utimesSync(join(folder, '1.lock.1'), before, before)
  const lock = await taken(folder)
  expect(JSON.parse(readFileSync(join(folder, '1.lock.2'), 'utf8'))).toMatchObject({ process: processToken() })
  await lock.release()
})

test('a holder that was silent too long notices that it lost the lock', async () => {
  const folder = scratch()
  const lock = await taken(folder, elsewhere)
  expect(lock.lost.aborted).toBe(false)
  rmSync(join(folder, '1.lock.1'))
  writeFileSync(join(folder, '1.lock.2'), JSON.stringify(thisProcess()))
  await setTimeout(10 * times.beatMs)
  expect(lock.lost.aborted).toBe(true)
  await lock.release()
  expect(readdirSync(folder)).toEqual(['1.lock.2'])
})
