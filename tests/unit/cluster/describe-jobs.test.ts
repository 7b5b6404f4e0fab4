import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { cellOfJob, describeJobs, listedCell, planOfJob, type FoundPlan } from '../../../src-main/cluster/describe-jobs.ts'
import { clusterJobSchema } from '../../../src-main/contract/cluster-job.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { planFileSchema } from '../../../src-main/contract/plan.ts'
import { expandPlan } from '../../../src-main/plans/expand-plan.ts'

const hash = (digit: string): string => digit.repeat(64)
const quick = planPresets.find(({ id }) => id === 'quick_look')!
const file = v.parse(planFileSchema, {
  version: 1,
  title: 'Quick',
  base: 'tiny',
  tasks: ['one', 'two'],
  ...quick.plan,
  seeds: [1, 2],
  testLimit: 40,
})
const found: FoundPlan = {
  file,
  base: { name: 'tiny', path: '/models/tiny', contentHash: hash('b') },
  tasks: ['one', 'two'].map((name, index) => ({ name, id: name, path: `tasks/${name}.task.json`, hash: hash(String(index)) })),
  pool: [
    { name: 'first', path: '/pool/first', contentHash: hash('c') },
    { name: 'second', path: '/pool/second', contentHash: hash('d') },
  ],
}

describe('jobs of a plan', () => {
  const jobs = describeJobs(found)

  test('there is one for each cell, numbered in the order of the plan, and each passes its schema', () => {
    expect(jobs.map(({ cell }) => cell)).toEqual(expandPlan(file).map(({ id }) => id))
    expect(jobs.map(({ number }) => number)).toEqual(jobs.map((_, index) => index + 1))
    for (const job of jobs) expect(v.parse(clusterJobSchema, JSON.parse(JSON.stringify(job)))).toEqual(job)
    expect(() => v.parse(clusterJobSchema, { ...jobs[0], more: 1 })).toThrow()
    expect(() => v.parse(clusterJobSchema, { ...jobs[0], version: 2 })).toThrow()
  })

  test('one that takes the own LoRA names the job that trains it, which comes before', () => {
    const taker = jobs.find(({ cell }) => cell === 'two/100/2/tuned_own')!
    const own = jobs.find(({ cell }) => cell === 'two/100/2/own')!
    expect(taker.needs).toEqual({ number: own.number, cell: own.cell, fingerprint: own.fingerprint })
    expect(taker.own).toEqual(own.arm)
    expect(own.number).toBeLessThan(taker.number)
    expect([own.needs, own.own]).toEqual([null, null])
    expect([listedCell(own).stage, listedCell(taker).stage]).toEqual([0, 1])
  })

  test('a job alone is the cell that the plan has', () => {
    const cells = new Map(expandPlan(file).map((cell) => [cell.id, cell]))
    for (const job of jobs) {
      expect(cellOfJob(job)).toEqual(cells.get(job.cell))
      expect(expandPlan(planOfJob(job))).toContainEqual(cells.get(job.cell))
    }
  })

  test('fingerprints follow the content, not the paths', () => {
    const moved = describeJobs({ ...found, base: { ...found.base, path: '/elsewhere' } })
    expect(moved.map(({ fingerprint }) => fingerprint)).toEqual(jobs.map(({ fingerprint }) => fingerprint))
    expect(moved[0]!.plan).toEqual(jobs[0]!.plan)
    const other = describeJobs({ ...found, pool: found.pool.toReversed() })
    expect(other.map(({ fingerprint }) => fingerprint)).not.toContain(jobs[0]!.fingerprint)
    expect(other[0]!.plan.fingerprint).not.toBe(jobs[0]!.plan.fingerprint)
    expect(new Set(jobs.map(({ fingerprint }) => fingerprint)).size).toBe(jobs.length)
  })
})
