import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Job } from '../../../src-main/contract/job.ts'
import { createPublisher, eventIntervalMs } from '../../../src-main/ipc/publish.ts'
import { silentLog } from '../../../src-main/platform/log.ts'

const job = (id: string, title: string): Job => ({
  id,
  kind: 'merge',
  title,
  state: 'running',
  createdAt: '2026-11-22T10:00:00.000Z',
  startedAt: null,
  endedAt: null,
  progress: null,
  resultAdapterId: null,
  problems: [],
  fingerprint: null,
})

function listening() {
  const publisher = createPublisher(silentLog)
  const heard: [string, unknown][] = []
  const stop = publisher.onEvent((name, payload) => heard.push([name, payload]))
  return { publisher, heard, stop }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('the first event goes out at once, later ones of the same job become one per interval', () => {
  const { publisher, heard } = listening()
  for (const title of ['1', '2', '3']) publisher.emit('job.changed', job('a', title))
  publisher.emit('job.changed', job('b', 'other'))
  expect(heard.map(([, payload]) => (payload as Job).title)).toEqual(['1', 'other'])
  vi.advanceTimersByTime(eventIntervalMs)
  expect(heard.map(([, payload]) => (payload as Job).title)).toEqual(['1', 'other', '3'])
  publisher.emit('job.changed', job('a', '4'))
  expect(heard).toHaveLength(3)
  vi.advanceTimersByTime(eventIntervalMs)
  expect((heard[3]?.[1] as Job).title).toBe('4')
  vi.advanceTimersByTime(10 * eventIntervalMs)
  publisher.emit('job.changed', job('a', '5'))
  expect((heard[4]?.[1] as Job).title).toBe('5')
  expect(heard).toHaveLength(5)
})

test('changed adapters of one interval come together, each once', () => {
  const { publisher, heard } = listening()
  publisher.emit('library.changed', { ids: ['a'] })
  publisher.emit('library.changed', { ids: ['b', 'c'] })
  publisher.emit('library.changed', { ids: ['c', 'd'] })
  vi.advanceTimersByTime(eventIntervalMs)
  expect(heard).toEqual([
    ['library.changed', { ids: ['a'] }],
    ['library.changed', { ids: ['b', 'c', 'd'] }],
  ])
})

test('nothing about a removed job follows its removal', () => {
  const { publisher, heard } = listening()
  publisher.emit('job.changed', job('a', '1'))
  publisher.emit('job.changed', job('a', '2'))
  publisher.emit('job.removed', { id: 'a' })
  vi.advanceTimersByTime(10 * eventIntervalMs)
  expect(heard.map(([name]) => name)).toEqual(['job.changed', 'job.removed'])
})

test('closing sends what waits; an unsubscribed listener hears nothing', () => {
  const { publisher, heard, stop } = listening()
  publisher.emit('job.changed', job('a', '1'))
  publisher.emit('job.changed', job('a', '2'))
  publisher.close()
  expect(heard.map(([, payload]) => (payload as Job).title)).toEqual(['1', '2'])
  stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('a payload that breaks the contract is logged and not sent', () => {
  const errors: string[] = []
  const publisher = createPublisher({ ...silentLog, error: (message) => errors.push(message) })
  const heard: string[] = []
  publisher.onEvent((name) => heard.push(name))
  publisher.emit('job.removed', { id: 5 } as unknown as { id: string })
  expect(heard).toEqual([])
  expect(errors).toEqual(['event breaks the contract'])
})
