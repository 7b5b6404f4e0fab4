import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { jobStates } from '../../../src-main/contract/job.ts'
import { coalesce } from '../../../src-main/jobs/coalesce.ts'
import { hasEnded, moveTo } from '../../../src-main/jobs/job-states.ts'
import { isAlive, processToken } from '../../../src-main/jobs/process-token.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('only these changes of state are legal', () => {
  const legal = jobStates.flatMap((from) =>
    jobStates
      .filter((to) => {
        try {
          return moveTo(from, to) === to
        } catch {
          return false
        }
      })
      .map((to) => `${from} ${to}`),
  )
  expect(legal).toEqual([
    'queued running',
    'queued cancelled',
    'running stopping',
    'running done',
    'running failed',
    'running interrupted',
    'stopping done',
    'stopping cancelled',
    'stopping interrupted',
  ])
  expect(jobStates.filter(hasEnded)).toEqual(['done', 'failed', 'cancelled', 'interrupted'])
  expect(() => moveTo('done', 'running')).toThrow('a job may not go from done to running')
})

test('the first value goes at once, later ones at the end of the interval, the newest only', () => {
  const seen: number[] = []
  const news = coalesce<number>((value) => seen.push(value), 100)
  for (let value = 1; value <= 5; value++) news.send('a', value)
  expect(seen).toEqual([1])
  vi.advanceTimersByTime(99)
  expect(seen).toEqual([1])
  vi.advanceTimersByTime(1)
  expect(seen).toEqual([1, 5])
  news.send('a', 6)
  vi.advanceTimersByTime(100)
  expect(seen).toEqual([1, 5, 6])
})

test('a value that waits goes at most once per interval, also over a long time', () => {
  const seen: number[] = []
  const news = coalesce<number>((value) => seen.push(value), 100)
  for (let value = 0; value < 100; value++) {
    news.send('a', value)
    vi.advanceTimersByTime(10)
  }
  expect(seen.length).toBeGreaterThanOrEqual(10)
  expect(seen.length).toBeLessThanOrEqual(11)
})

test('keys do not wait for each other; a flush goes at once and nothing old follows it', () => {
  const seen: string[] = []
  const news = coalesce<string>((value) => seen.push(value), 100)
  news.send('a', 'a1')
  news.send('a', 'a2')
  news.send('b', 'b1')
  news.flush('a', 'a-end')
  vi.advanceTimersByTime(1000)
  expect(seen).toEqual(['a1', 'b1', 'a-end'])
})

test('after closing nothing is sent any more', () => {
  const seen: number[] = []
  const news = coalesce<number>((value) => seen.push(value), 100)
  news.send('a', 1)
  news.send('a', 2)
  news.close()
  vi.advanceTimersByTime(1000)
  expect(seen).toEqual([1])
})

test('a process is alive as long as it runs, and a token that is none never', async () => {
  vi.useRealTimers()
  expect(isAlive(processToken())).toBe(true)
  expect([undefined, '', 'x@1', '0@1', '-1@1'].map(isAlive)).toEqual([false, false, false, false, false])
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60000)'])
  const token = processToken(child.pid)
  expect(isAlive(token)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isAlive(token)).toBe(false)
})

test.runIf(process.platform === 'linux')('the same process id at another time is another process', () => {
  expect(isAlive(`${process.pid}@1`)).toBe(false)
})
