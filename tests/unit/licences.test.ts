import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('the collected licences are those of what ships', () => {
  const root = join(import.meta.dirname, '../..')
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/licences.mjs'), '--check'], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})
