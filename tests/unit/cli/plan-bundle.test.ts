import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { openLibrary } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { addPlan, cellResult } from '../plans/runs-bench.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

test('a plan travels with its results from one library to another', async () => {
  const [here, there, work] = [scratch(), scratch(), scratch()]
  const library = openLibrary({ folder: here, log: silentLog })
  addPlan(library, 'plan')
  library.plans.setResult('plan', cellResult('reviews/-/-/base', [0, 1, 0, 0]))
  library.close()

  const file = join(work, 'shared.zip')
  const exported = await runCli(['plan', 'export', 'plan', '--out', file, '--library', here])
  expect([exported.code, exported.err]).toEqual([0, ''])
  expect(exported.out).toContain('The test examples and their answers are in it; weights are not.')
  expect(existsSync(file)).toBe(true)
  const again = await runCli(['plan', 'export', 'plan', '--out', file, '--library', here])
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('output-exists')])

  const imported = await runCli(['plan', 'import', file, '--library', there, '--json'])
  expect(imported.code).toBe(0)
  const { planId, problems } = imported.json<{ planId: string; problems: readonly unknown[] }>()
  expect(problems).toEqual([])
  const other = openLibrary({ folder: there, log: silentLog })
  expect(other.plans.get(planId)).toMatchObject({ state: 'imported', file: { title: 'Reviews and topics' } })
  expect(other.plans.result(planId, 'reviews/-/-/base')?.values).toEqual([0, 1, 0, 0])
  other.close()
})

test('without a plan or a file it is a usage error; what is no bundle is refused', async () => {
  expect((await runCli(['plan', 'export'])).code).toBe(2)
  expect((await runCli(['plan', 'import'])).code).toBe(2)
  const folder = scratch()
  const gone = await runCli(['plan', 'export', 'gone', '--library', folder], { cwd: folder })
  expect([gone.code, gone.err]).toEqual([1, expect.stringContaining('plan-unknown')])
  const none = await runCli(['plan', 'import', join(folder, 'library.sqlite'), '--library', folder])
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('bundle-not-readable')])
  expect((await runCli(['plan', 'import', join(folder, 'none.zip'), '--library', folder])).err).toContain('file-unreadable')
})
