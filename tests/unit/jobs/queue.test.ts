import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job, JobState } from '../../../src-main/contract/job.ts'
import { errorProblem, Refusal, warningProblem } from '../../../src-main/contract/problems.ts'
import type { JobStore, StoredJob } from '../../../src-main/library/job-store.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog, type Log } from '../../../src-main/platform/log.ts'
import { processToken } from '../../../src-main/jobs/process-token.ts'
import { createQueue, type Queue } from '../../../src-main/jobs/queue.ts'
import type { RunContext, Runner } from '../../../src-main/jobs/runner.ts'
import type { MergeInput } from '../../../src-main/jobs/merge-input.ts'

let folder: string
let library: Library
let store: JobStore
let told: Job[]
let removed: string[]
let queues: Queue[]
let cleaned: string[]
let awake: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amalgam-queue-'))
  library = openLibrary({ folder, log: silentLog })
  store = library.jobs
  told = []
  removed = []
  queues = []
  cleaned = []
  awake = []
})
afterEach(async () => {
  await Promise.all(queues.map((queue) => queue.close()))
  library.close()
  rmSync(folder, { recursive: true, force: true })
})

/** For the kinds of jobs that are not started here. */
const idle: Runner<never> = {
  prepare: () => ({ problems: [] }),
  run: () => Promise.reject(new Error('not started here')),
  inputOf: () => {
    throw new Error('not started here')
  },
  cleanUp: () => Promise.resolve(),
}

type Work = (context: RunContext, job: StoredJob) => Promise<unknown>

/** A queue whose jobs do what `work` does; the recipe is the title, and a recipe "refused" is refused. */
function queueOf(work: Work, log: Log = silentLog): Queue {
  const runner: Runner<MergeInput> = {
    prepare: ({ recipe }) =>
      recipe === 'refused'
        ? { problems: [errorProblem('unknown-method', 'no')] }
        : {
            job: {
              title: String(recipe),
              recipe: String(recipe),
              resolved: '{}',
              fingerprint: 'f',
              provenance: {},
              problems: recipe === 'warned' ? [warningProblem('rule-unmatched', 'hm')] : [],
            },
          },
    run: async (job, context) => ({ adapterId: 'made', result: await work(context, job), problems: [] }),
    inputOf: (job) => ({ recipe: job.recipe }),
    async cleanUp(job) {
      cleaned.push(job.id)
    },
  }
  const queue = createQueue({
    store,
    runners: {
      ...{ select: idle, tune: idle, search: idle, train: idle, control: idle },
      merge: runner,
      export: idle,
      compare: idle,
      evaluate: idle,
    },
    emit: { changed: (job) => told.push(job), removed: (id) => removed.push(id) },
    logFolder: folder,
    log,
    provenance: () => ({ appVersion: '1.2.3', device: 'CPU' }),
    preventSleep(reason) {
      awake.push(reason)
      return () => awake.push('asleep')
    },
  })
  queues.push(queue)
  return queue
}

function start(queue: Queue, recipe: string): string {
  const { jobId } = queue.start('merge', { recipe })
  expect(jobId).not.toBeNull()
  return jobId!
}

const statesOf = (id: string): JobState[] => told.filter((job) => job.id === id).map((job) => job.state)
const untilStopped = ({ signal }: RunContext) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Refusal([errorProblem('cancelled', 'The work was cancelled.')])))
  })
const soon = () => new Promise((resolve) => setTimeout(resolve, 10))

test('a job goes from queued over running to done, with result, provenance, times and log', async () => {
  const queue = queueOf(async (context) => {
    context.note('halfway')
    context.keep({ fingerprint: 'g', provenance: { folder: '/out' } })
    return { rank: 3 }
  })
  const id = start(queue, 'first')
  expect(queue.list().map((job) => job.state)).toEqual(['queued'])
  const ended = await queue.whenEnded(id)
  expect(ended).toMatchObject({ id, state: 'done', resultAdapterId: 'made', problems: [], fingerprint: 'g', progress: null })
  expect(statesOf(id)).toEqual(['queued', 'running', 'done'])
  const detail = await queue.get(id)
  expect(detail).toMatchObject({ recipe: 'first', result: { rank: 3 }, provenance: { appVersion: '1.2.3', device: 'CPU', folder: '/out' } })
  expect(detail!.provenance['platform']).toContain(process.platform)
  expect(detail!.provenance).not.toHaveProperty('process')
  expect(Date.parse(detail!.endedAt!)).toBeGreaterThanOrEqual(Date.parse(detail!.startedAt!))
  const log = detail!.log.map((line) => line.slice(25))
  expect(log[0]).toContain('started')
  expect(log.some((line) => line.includes('halfway'))).toBe(true)
  expect(log.at(-1)).toContain('done')
  expect(awake).toEqual(['Amalgam is running "first"', 'asleep'])
})

test('a refused start leaves nothing behind; warnings come along', () => {
  const queue = queueOf(async () => 0)
  expect(queue.start('merge', { recipe: 'refused' })).toMatchObject({ jobId: null, problems: [{ code: 'unknown-method' }] })
  expect(queue.list()).toEqual([])
  expect(queue.start('merge', { recipe: 'warned' }).problems).toMatchObject([{ code: 'rule-unmatched' }])
})

test('one job after the other, in the order of their start', async () => {
  const order: string[] = []
  let running = 0
  const queue = queueOf(async (_context, job) => {
    expect(++running).toBe(1)
    await soon()
    running--
    order.push(job.title)
  })
  const ids = ['a', 'b', 'c'].map((title) => start(queue, title))
  await Promise.all(ids.map((id) => queue.whenEnded(id)))
  expect(order).toEqual(['a', 'b', 'c'])
})

test('a queued job is cancelled at once and never runs', async () => {
  const ran: string[] = []
  const queue = queueOf(async (context, job) => {
    ran.push(job.title)
    await untilStopped(context)
  })
  const first = start(queue, 'a')
  const second = start(queue, 'b')
  await soon()
  expect(queue.cancel(second)).toEqual([])
  expect(store.get(second)?.state).toBe('cancelled')
  queue.cancel(first)
  await queue.whenEnded(first)
  await soon()
  expect(ran).toEqual(['a'])
})

test('a running job goes over stopping to cancelled, within 200 ms', async () => {
  const queue = queueOf(untilStopped)
  const id = start(queue, 'a')
  await soon()
  const asked = performance.now()
  expect(queue.cancel(id)).toEqual([])
  expect(store.get(id)?.state).toBe('stopping')
  expect(await queue.whenEnded(id)).toMatchObject({ state: 'cancelled', problems: [] })
  expect(performance.now() - asked).toBeLessThan(200)
  expect(statesOf(id)).toEqual(['queued', 'running', 'stopping', 'cancelled'])
  expect(queue.cancel(id)).toEqual([])
})

test('a refusal fails the job with its problems, and the next one runs', async () => {
  const queue = queueOf(async (_context, job) => {
    if (job.title === 'bad')
      throw new Refusal([errorProblem('disk-full', 'The disk is full.', { where: { path: '/x' }, hint: 'Free some.' })])
  })
  const bad = start(queue, 'bad')
  const good = start(queue, 'good')
  expect(await queue.whenEnded(bad)).toMatchObject({ state: 'failed', problems: [{ code: 'disk-full' }] })
  expect(await queue.whenEnded(good)).toMatchObject({ state: 'done' })
  expect((await queue.get(bad))?.log.some((line) => line.includes('disk-full: The disk is full.') && line.includes('/x'))).toBe(true)
})

test('a defect fails the job without its stack, which goes to the log of the app', async () => {
  const errors: unknown[] = []
  const queue = queueOf(async () => Promise.reject(new TypeError('boom')), {
    ...silentLog,
    error: (_message, fields) => errors.push(fields),
  })
  const ended = await queue.whenEnded(start(queue, 'a'))
  expect(ended).toMatchObject({ state: 'failed', problems: [{ code: 'internal', message: 'The job failed unexpectedly: boom' }] })
  expect(JSON.stringify(ended)).not.toContain('queue.test')
  expect(JSON.stringify(errors)).toContain('queue.test')
})

test('progress is told at most once in 100 ms, and the end always', async () => {
  const queue = queueOf(async (context) => {
    for (let step = 0; step <= 30; step++) {
      context.report({ stage: 'merging', fraction: step / 30, rate: 1, unit: 'modules', etaSeconds: null })
      await soon()
    }
  })
  const began = performance.now()
  const id = start(queue, 'a')
  await queue.whenEnded(id)
  const intervals = Math.ceil((performance.now() - began) / 100)
  const running = told.filter((job) => job.id === id && job.state === 'running')
  expect(running.length).toBeGreaterThan(1)
  expect(running.length).toBeLessThanOrEqual(intervals + 2)
  expect(told.at(-1)).toMatchObject({ id, state: 'done' })
  expect((await queue.get(id))?.log.filter((line) => line.includes('stage: merging'))).toHaveLength(1)
})

test('live progress is in the list while a job runs', async () => {
  const queue = queueOf(async (context) => {
    context.report({ stage: 'merging', fraction: 0.5, rate: 2, unit: 'modules', etaSeconds: 3 })
    await untilStopped(context)
  })
  start(queue, 'a')
  await soon()
  expect(queue.list()[0]?.progress).toEqual({ stage: 'merging', fraction: 0.5, rate: 2, unit: 'modules', etaSeconds: 3 })
})

test('running again makes a new job of the same recipe, for jobs that did not get to their end', async () => {
  let fail = true
  const queue = queueOf(async () => {
    if (fail) throw new Refusal([errorProblem('disk-full', 'full')])
  })
  const first = start(queue, 'again')
  await queue.whenEnded(first)
  fail = false
  const { jobId } = queue.runAgain(first)
  expect(jobId).not.toBe(first)
  expect(await queue.whenEnded(jobId!)).toMatchObject({ title: 'again', state: 'done' })
  expect(store.get(first)?.state).toBe('failed')
  expect(queue.runAgain(jobId!)).toMatchObject({ jobId: null, problems: [{ code: 'job-not-restartable' }] })
  expect(queue.runAgain('nobody')).toMatchObject({ jobId: null, problems: [{ code: 'job-unknown', where: { value: 'nobody' } }] })
})

test('an ended job can be removed with its log, a running one not', async () => {
  const queue = queueOf(async (context, job) => {
    if (job.title === 'long') await untilStopped(context)
  })
  const short = start(queue, 'short')
  const long = start(queue, 'long')
  await queue.whenEnded(short)
  await soon()
  const { logPath } = (await queue.get(short))!
  expect(readFileSync(logPath, 'utf8')).toContain('done')
  expect(queue.remove(short)).toEqual([])
  expect(() => readFileSync(logPath)).toThrow('ENOENT')
  expect(queue.remove(long)).toMatchObject([{ code: 'request-invalid' }])
  expect(queue.remove(short)).toMatchObject([{ code: 'job-unknown' }])
  expect(removed).toEqual([short])
  expect(queue.list().map((job) => job.id)).toEqual([long])
})

test('closing interrupts the running job, which can be run again, and leaves queued ones queued', async () => {
  const queue = queueOf(untilStopped)
  const first = start(queue, 'a')
  const second = start(queue, 'b')
  await soon()
  await queue.close()
  expect([first, second].map((id) => store.get(id)?.state)).toEqual(['interrupted', 'queued'])
  const later = queueOf(async () => 0)
  expect(await later.whenEnded(later.runAgain(first).jobId!)).toMatchObject({ state: 'done' })
})

/** Rewrites a job as one of a process that has ended. */
function orphan(id: string, state: JobState): void {
  const ended = spawnSync(process.execPath, ['-e', '0'])
  store.update(id, { state, provenance: { process: `${ended.pid}@1` } })
}

test('after a crash running jobs are interrupted and cleaned up, queued ones run', async () => {
  const before = queueOf(untilStopped)
  const ids = ['was running', 'was stopping', 'was queued'].map((title) => start(before, title))
  await soon()
  await before.close()
  ;(['running', 'stopping', 'queued'] as const).forEach((state, index) => orphan(ids[index]!, state))
  const queue = queueOf(async () => 0)
  await queue.open()
  expect(cleaned).toEqual(ids.slice(0, 2))
  expect(ids.slice(0, 2).map((id) => store.get(id)?.state)).toEqual(['interrupted', 'interrupted'])
  expect(await queue.whenEnded(ids[2]!)).toMatchObject({ state: 'done' })
})

test('jobs of another process that still runs are left alone', async () => {
  const queue = queueOf(async () => 0)
  const id = start(queue, 'theirs')
  await queue.whenEnded(id)
  await soon()
  // The parent of this process runs as long as the test does.
  store.update(id, { state: 'running', provenance: { process: processToken(process.ppid) } })
  await queue.open()
  expect(store.get(id)?.state).toBe('running')
  expect(queue.cancel(id)).toMatchObject([{ code: 'request-invalid' }])
  expect(cleaned).toEqual([])
})

test('whoever waits for a job that does not exist is told', () => {
  expect(() => queueOf(async () => 0).whenEnded('nobody')).toThrow('there is no job nobody')
})

test('the detail shows the last 500 lines of the log', async () => {
  const queue = queueOf(async () => 0)
  const id = start(queue, 'a')
  await queue.whenEnded(id)
  const { logPath } = (await queue.get(id))!
  writeFileSync(logPath, Array.from({ length: 700 }, (_, line) => `line ${line}\n`).join(''))
  const { log } = (await queue.get(id))!
  expect([log.length, log[0], log.at(-1)]).toEqual([500, 'line 200', 'line 699'])
})
