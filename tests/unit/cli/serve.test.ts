import { expect, test, vi } from 'vitest'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

test.each(['eighty', '-1', '65536', '1.5'])('the port %s is wrong usage', async (port) => {
  const { code, err } = await runCli(['serve', `--port=${port}`, '--library', scratch()])
  expect(code).toBe(2)
  expect(err).toContain('a whole number from 0 to 65535')
})
