import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { allowance } from '../../../src-main/command-line/plan-cluster.ts'
import { runCli, scratch } from './run-cli.ts'

vi.setConfig({ testTimeout: 120_000 })

test('what is left out is a usage error', async () => {
  const folder = scratch()
  const runs = await Promise.all([
    runCli(['plan', 'split', 'plan.yaml'], { cwd: folder }),
    runCli(['plan', 'run-job'], { cwd: folder }),
    runCli(['plan', 'collect'], { cwd: folder }),
    runCli(['plan', 'submit', '--dir', folder], { cwd: folder }),
    runCli(['plan', 'submit', '--dir', folder, '--slurm', '--cpus', 'two'], { cwd: folder }),
  ])
  expect(runs.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2])
  expect(runs[4]!.err).toContain('--cpus is "two".')
})

test('folders and files that hold no plan are refused by name', async () => {
  const folder = scratch()
  const library = ['--library', join(folder, 'library')]
  const missing = await runCli(['plan', 'run-job', join(folder, 'jobs', '1.json')])
  expect([missing.code, missing.err.includes('job-file-not-readable')]).toEqual([1, true])
  writeFileSync(join(folder, 'plan.json'), '{"format": "amalgam-shared-plan", "version": 2}')
  const newer = await runCli(['plan', 'collect', '--dir', folder, ...library])
  expect([newer.code, newer.err.includes('plan.json cannot be read: version')]).toEqual([1, true])
  const unreadable = await runCli(['plan', 'split', join(folder, 'none.yaml'), '--dir', join(folder, 'shared'), ...library])
  expect([unreadable.code, unreadable.err.includes('file-unreadable')]).toEqual([1, true])
  const submitted = await runCli(['plan', 'submit', '--dir', join(folder, 'shared'), '--slurm', '--dry-run'])
  expect([submitted.code, submitted.err.includes('Split a plan into this folder first')]).toEqual([1, true])
  expect(existsSync(join(folder, 'shared'))).toBe(false)
})

test('a job takes the cores and the memory that Slurm gave it', () => {
  expect(allowance({ SLURM_CPUS_PER_TASK: '4', SLURM_MEM_PER_NODE: '16384' })).toEqual({ threads: 4, memoryGigabytes: 15.462 })
  expect(allowance({ SLURM_CPUS_PER_TASK: '1' })).toEqual({ threads: 1 })
  expect(allowance({})).toEqual({})
  expect(allowance({ SLURM_CPUS_PER_TASK: '', SLURM_MEM_PER_NODE: 'much' })).toEqual({})
})
