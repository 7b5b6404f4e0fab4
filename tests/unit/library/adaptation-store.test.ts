import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as v from 'valibot'
import { adaptationDetailSchema, adaptationSchema, adaptInputSchema } from '../../../src-main/contract/adapt.ts'
import type { StoredJob } from '../../../src-main/library/job-store.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'

let folder: string
let library: Library
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-adaptations-')))
  library = openLibrary({ folder, log: silentLog })
})
afterEach(() => {
  library.close()
  rmSync(folder, { recursive: true, force: true })
})

function addJob(id: string, more: Partial<StoredJob> = {}): void {
  const times = { createdAt: `2026-01-0${id.length}T00:00:00.000Z`, startedAt: null, endedAt: null }
  const nothing = {
    progress: null,
    resultAdapterId: null,
    problems: [],
    result: null,
    recipe: '',
    resolved: '{}',
    provenance: {},
    logPath: '',
  }
  library.jobs.insert({
    id,
    kind: 'tune',
    title: `title of ${id}`,
    state: 'running',
    fingerprint: `print of ${id}`,
    ...times,
    ...nothing,
    ...more,
  })
}

const input = (taskId: string) =>
  v.parse(adaptInputSchema, { arm: 'tune', baseId: 'b', taskId, ownId: 'mine', budget: 30, preset: 'tara', seed: 4 })
const begin = (jobId: string, taskId = 't', group: string | null = null) =>
  library.adaptations.begin({ jobId, input: input(taskId), group, params: { k: 3, granularity: 'unit', ownFirst: true }, total: 20 })

test('a row begins with the input and grows with what becomes known', () => {
  addJob('a')
  begin('a', 't', 'together')
  const { adaptations } = library
  expect(v.parse(adaptationDetailSchema, adaptations.get('a'))).toMatchObject({
    ...{ jobId: 'a', arm: 'tune', control: null, title: 'title of a', group: 'together', state: 'running', adapterId: null },
    ...{ baseId: 'b', taskId: 't', budget: 30, preset: 'tara', seed: 4, ownId: 'mine', done: 0, total: 20, chosenStep: null },
    ...{
      params: { k: 3, granularity: 'unit', ownFirst: true },
      selection: [],
      curve: [],
      trials: [],
      coefficients: null,
      form: null,
      check: null,
    },
  })
  const point = { step: 1, trainLoss: 2, validationLoss: null, rate: 0.1, gradientNorm: null, seconds: 1, tokens: 5 }
  const form = { rank: 4, exact: false, keptEnergy: 0.9, measured: [] }
  adaptations.update('a', { done: 5, curve: [point], chosenStep: 0, noValidation: true, startLoss: 1.5, method: 'linear' })
  adaptations.update('a', { form, stopped: 'asked', stoppedText: 'ended', provenance: { base: 'hash' }, skipped: 2 })
  adaptations.update('unknown', { done: 5, form })
  expect(v.parse(adaptationDetailSchema, adaptations.get('a'))).toMatchObject({
    ...{ done: 5, curve: [point], chosenStep: 0, noValidation: true, startLoss: 1.5, method: 'linear' },
    ...{ form, stopped: 'asked', stoppedText: 'ended', provenance: { base: 'hash' }, skipped: 2 },
  })
  // A job that begins again, as after its process died, keeps what it had.
  begin('a', 't')
  expect(adaptations.get('a')).toMatchObject({ done: 5, method: 'linear', group: 'together' })
  expect(adaptations.input('a')).toEqual(input('t'))
  expect([adaptations.get('b'), adaptations.input('b')]).toEqual([null, null])
  expect(() => begin('b')).toThrow('FOREIGN KEY')
})

test('rows are listed newest first, by task and base model, with what their jobs say, and go with them', () => {
  addJob('a')
  addJob('bb', { state: 'done', resultAdapterId: 'made' })
  addJob('ccc', { state: 'interrupted' })
  begin('a', 't')
  begin('bb', 'u')
  begin('ccc', 't')
  const { adaptations } = library
  const list = adaptations.list().map((one) => v.parse(adaptationSchema, one))
  expect(list.map(({ jobId, state, adapterId }) => [jobId, state, adapterId])).toEqual([
    ['ccc', 'interrupted', null],
    ['bb', 'done', 'made'],
    ['a', 'running', null],
  ])
  expect(adaptations.list({ taskId: 't' }).map(({ jobId }) => jobId)).toEqual(['ccc', 'a'])
  expect(adaptations.list({ taskId: 't', baseId: 'other' })).toEqual([])
  expect([...adaptations.keptFingerprints()].toSorted()).toEqual(['print of a', 'print of ccc'])
  library.jobs.remove('ccc')
  expect(adaptations.get('ccc')).toBeNull()
  expect(adaptations.list()).toHaveLength(2)
})
