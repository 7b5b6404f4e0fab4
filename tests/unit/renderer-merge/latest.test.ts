import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Latest } from '../../../src-renderer/state/latest.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function set(pauseMs = 100, overlap = false) {
  const asked: string[] = []
  const answers: string[] = []
  const failures: unknown[] = []
  const open = new Map<string, { resolve: (answer: string) => void; reject: (error: unknown) => void }>()
  const latest = new Latest<string, string>({
    ask: (question) => {
      asked.push(question)
      return new Promise((resolve, reject) => open.set(question, { resolve, reject }))
    },
    answer: (answer) => answers.push(answer),
    fail: (error) => failures.push(error),
    pauseMs,
    overlap,
  })
  return { latest, asked, answers, failures, open }
}

it('asks only the last question of a burst', async () => {
  const { latest, asked } = set()
  latest.put('a')
  await vi.advanceTimersByTimeAsync(60)
  latest.put('b')
  await vi.advanceTimersByTimeAsync(99)
  expect(asked).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(asked).toEqual(['b'])
})

it('waits for the question under way, forgets its answer and asks the newest', async () => {
  const { latest, asked, answers, open } = set()
  latest.put('a')
  await vi.advanceTimersByTimeAsync(100)
  latest.put('b')
  await vi.advanceTimersByTimeAsync(100)
  expect(asked).toEqual(['a'])
  open.get('a')?.resolve('old')
  await vi.advanceTimersByTimeAsync(0)
  expect(answers).toEqual([])
  expect(asked).toEqual(['a', 'b'])
  open.get('b')?.resolve('new')
  await vi.advanceTimersByTimeAsync(0)
  expect(answers).toEqual(['new'])
})

it('reports a failure of the newest question and goes on', async () => {
  const { latest, answers, failures, open } = set()
  latest.put('a')
  await vi.advanceTimersByTimeAsync(100)
  open.get('a')?.reject('gone')
  await vi.advanceTimersByTimeAsync(0)
  expect(failures).toEqual(['gone'])
  latest.put('b')
  await vi.advanceTimersByTimeAsync(100)
  open.get('b')?.resolve('back')
  await vi.advanceTimersByTimeAsync(0)
  expect(answers).toEqual(['back'])
})

it('drops what waits and what is under way', async () => {
  const { latest, asked, answers, open } = set()
  latest.put('a')
  await vi.advanceTimersByTimeAsync(100)
  latest.put('b')
  latest.drop()
  open.get('a')?.resolve('old')
  await vi.advanceTimersByTimeAsync(500)
  expect(asked).toEqual(['a'])
  expect(answers).toEqual([])
})

it('asks the newest at once where the host stops the older one, and forgets what the older one answers', async () => {
  const { latest, asked, answers, open } = set(100, true)
  latest.put('a')
  await vi.advanceTimersByTimeAsync(100)
  latest.put('b')
  await vi.advanceTimersByTimeAsync(100)
  expect(asked).toEqual(['a', 'b'])
  open.get('a')?.resolve('stopped')
  open.get('b')?.resolve('new')
  await vi.advanceTimersByTimeAsync(0)
  expect(answers).toEqual(['new'])
})
