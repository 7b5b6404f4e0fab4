import { describe, expect, it } from 'vitest'
import { jobKinds, type Job } from '../../../src-main/contract/job.ts'
import {
  canRunAgain,
  hasEnded,
  keptEnergyOf,
  kindWord,
  mergeResultOf,
  progressWords,
  provenanceWord,
  removalWords,
  sharedPrefix,
  sortModules,
  tookWords,
} from '../../../src-renderer/views/jobs/job-words.ts'

const job: Job = {
  id: 'j1',
  kind: 'merge',
  title: 'linear of a and b',
  state: 'running',
  createdAt: '2026-11-21T10:00:00Z',
  startedAt: '2026-11-21T10:00:10Z',
  endedAt: null,
  progress: { stage: 'merging modules', fraction: 0.42, rate: 1.2e8, unit: 'bytes', etaSeconds: 95 },
  resultAdapterId: null,
  problems: [],
  fingerprint: null,
}

describe('kinds of jobs', () => {
  it('have a word and say what stays when they are removed', () => {
    expect(jobKinds.map(kindWord)).toEqual(['merge', 'export', 'compare', 'evaluate', 'select', 'tune', 'search', 'train', 'control'])
    expect(jobKinds.map(removalWords).map((words) => words.split('. ')[1])).toEqual([
      'A merged adapter stays in the library with its lineage.',
      'The exported files stay where they are.',
      'The cosines that it found stay known.',
      'The outcomes that it found stay known.',
      'Its ranking goes from Adapt; what was evaluated for it stays known.',
      ...new Array<string>(4).fill(
        'Its curve and its trials go from Adapt; an adapter that it made stays in the library with its lineage.',
      ),
    ])
  })
})

describe('job words', () => {
  it('says stage, share, rate and remaining time', () =>
    expect(progressWords(job)).toEqual(['merging modules', '42 %', '120 MB/s', 'about 2 min left']))
  it('leaves out what is unknown', () => {
    expect(progressWords({ ...job, progress: { stage: 'finalising', fraction: 0, rate: 0, unit: 'bytes', etaSeconds: null } })).toEqual([
      'finalising',
    ])
    expect(progressWords({ ...job, progress: null })).toEqual(['starting'])
    expect(progressWords({ ...job, state: 'stopping', progress: null })).toEqual(['stopping'])
    expect(progressWords({ ...job, state: 'queued' })).toEqual(['waits for the jobs before it'])
  })
  it('measures time from start to end or to now', () => {
    expect(tookWords(job, new Date('2026-11-21T10:01:15Z'))).toBe('1 min 05 s')
    expect(tookWords({ ...job, endedAt: '2026-11-21T10:00:12.5Z' }, new Date())).toBe('2.5 s')
    expect(tookWords({ ...job, startedAt: null }, new Date())).toBe('–')
  })
  it('knows what has ended and what can run again', () => {
    expect(
      ['queued', 'running', 'stopping', 'done', 'failed', 'cancelled', 'interrupted'].map((state) => hasEnded({ ...job, state } as Job)),
    ).toEqual([false, false, false, true, true, true, true])
    expect(canRunAgain({ ...job, state: 'done' })).toBe(false)
    expect(canRunAgain({ ...job, state: 'interrupted' })).toBe(true)
  })
})

it('spells provenance keys as words', () => {
  expect([provenanceWord('nativeBuild'), provenanceWord('device')]).toEqual(['native build', 'device'])
})

describe('merge results', () => {
  const modules = [
    { name: 'model.layers.0.mlp.up_proj', discardedEnergy: 0.1, norm: 2 },
    { name: 'model.layers.0.self_attn.q_proj', discardedEnergy: 0.3, norm: 1 },
    { name: 'model.layers.1.mlp.up_proj', discardedEnergy: 0, norm: 3 },
  ]
  it('reads a result and refuses anything else', () => {
    const result = { id: 'a', path: '/p', rank: 16, fingerprint: 'f', seconds: 1, modules, problems: [] }
    expect(mergeResultOf(result)).toEqual(result)
    expect(mergeResultOf(null)).toBeNull()
    expect(mergeResultOf({ ...result, rank: '16' })).toBeNull()
  })
  it('turns a relative norm into kept energy', () => expect(keptEnergyOf(0.1)).toBeCloseTo(0.99, 12))
  it('sorts by file order, by what was cut and by norm', () => {
    expect(sortModules(modules, 'name')).toBe(modules)
    expect(sortModules(modules, 'discarded').map((module) => module.norm)).toEqual([1, 2, 3])
    expect(sortModules(modules, 'norm').map((module) => module.norm)).toEqual([3, 2, 1])
  })
  it('finds the part of the names that all share', () => {
    expect(sharedPrefix(modules.map((module) => module.name))).toBe('model.layers.')
    expect(sharedPrefix(['a.b', 'c.b'])).toBe('')
    expect(sharedPrefix(['a.b', 'ab.b'])).toBe('')
    expect(sharedPrefix(['model.layers.0'])).toBe('')
  })
})
