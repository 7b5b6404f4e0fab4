import { expect, test } from 'vitest'
import type { StoredJob } from '../../../src-main/library/job-store.ts'
import { openLibrary } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { openBench, temporaryFolder } from './support.ts'

const job = (id: string, changes: Partial<StoredJob> = {}): StoredJob => ({
  ...{ id, kind: 'merge', title: 'Merge 2 adapters', state: 'queued', createdAt: '2026-01-01T00:00:00Z', startedAt: null, endedAt: null },
  ...{ progress: null, resultAdapterId: null, problems: [], fingerprint: null, recipe: 'method: linear', resolved: '{}' },
  ...{ provenance: { appVersion: '1' }, result: null, logPath: '/log', ...changes },
})

test('a job comes back as it was written', () => {
  const { jobs } = openBench().library
  const full = job('a', {
    ...{ state: 'done', startedAt: '2026-01-01T00:00:01Z', endedAt: '2026-01-01T00:00:02Z', resultAdapterId: 'x', fingerprint: 'f' },
    progress: { stage: 'writing', fraction: 0.5, rate: 3, unit: 'modules', etaSeconds: null },
    problems: [{ code: 'disk-full', severity: 'error', message: 'm', where: { path: '/p' }, hint: 'h' }],
    result: { rank: 4, modules: [1] },
  })
  jobs.insert(full)
  expect(jobs.get('a')).toEqual(full)
  expect(jobs.get('b')).toBeNull()
})

test('jobs are listed in the order in which they came; updates change what is given', () => {
  const { jobs } = openBench().library
  for (const id of ['b', 'a', 'c']) jobs.insert(job(id))
  jobs.update('a', { state: 'running', startedAt: 't', provenance: { device: 'CPU' } })
  jobs.update('none', { state: 'done' })
  expect(jobs.list().map(({ id, state }) => [id, state])).toEqual([['b', 'queued'], ['a', 'running'], ['c', 'queued']]) // prettier-ignore
  expect(jobs.get('a')).toEqual(job('a', { state: 'running', startedAt: 't', provenance: { device: 'CPU' } }))
  jobs.remove('b')
  expect(jobs.list().map(({ id }) => id)).toEqual(['a', 'c'])
})

test('jobs outlive the process', () => {
  const folder = temporaryFolder()
  const before = openLibrary({ folder, log: silentLog })
  before.jobs.insert(job('a', { result: 'x' }))
  before.close()
  const after = openLibrary({ folder, log: silentLog })
  expect(after.jobs.list()).toEqual([job('a', { result: 'x' })])
  after.close()
})
