import { expect, test } from 'vitest'
import { runCli, scratch } from './run-cli.ts'

test.each(['eighty', '-1', '65536', '1.5'])('the port %s is wrong usage', async (port) => {
  const { code, err } = await runCli(['serve', `--port=${port}`, '--library', scratch()])
  expect(code).toBe(2)
  expect(err).toContain('a whole number from 0 to 65535')
})
