import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { runCli } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const folder = mkdtempSync(join(tmpdir(), 'amalgam-plan-'))

test('presets are listed, and one is written as a plan that check accepts', async () => {
  const list = await runCli(['plan', 'presets', '--json'])
  expect(list.json<readonly { id: string }[]>().map(({ id }) => id)).toEqual(planPresets.map(({ id }) => id))
  const written = await runCli(['plan', 'presets', 'quick_look', '--base', 'tiny', '--task', 'one', '--task', 'two'])
  expect([written.code, written.err]).toEqual([0, ''])
  const path = join(folder, 'plan.yaml')
  writeFileSync(path, written.out)
  const checked = await runCli(['plan', 'check', path, '--json'])
  expect(checked.code).toBe(0)
  const { cells, problems } = checked.json<{ cells: readonly { id: string; needs: readonly string[] }[]; problems: readonly unknown[] }>()
  expect(problems).toEqual([])
  expect(cells).toHaveLength(14)
  expect(cells).toContainEqual({ id: 'two/100/1/tuned_own', needs: ['two/100/1/own'] })
})

test('what is wrong with a plan is named, with exit code 1', async () => {
  const path = join(folder, 'wrong.yaml')
  writeFileSync(path, 'version: 1\ntitle: x\nbase: tiny\ntasks: [one]\narms: [{kind: tune, id: a, withOwn: true}]\n')
  const { code, err } = await runCli(['plan', 'check', path])
  expect(code).toBe(1)
  expect(err).toContain('The arm a needs an own LoRA, and the plan trains none.')
  expect((await runCli(['plan', 'check', join(folder, 'none.yaml')])).code).toBe(1)
  expect((await runCli(['plan', 'presets', 'quick'])).err).toContain('quick_look')
})

test('a wrong action is a usage error', async () => {
  expect((await runCli(['plan', 'chek', 'x'])).code).toBe(2)
})
