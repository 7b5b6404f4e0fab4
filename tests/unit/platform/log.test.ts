import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFileLog } from '../../../src-main/platform/log.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'amalgam-log-'))
const now = (): Date => new Date('2026-11-22T10:00:00.000Z')

test('lines keep their order, one for each message, fields as JSON', async () => {
  const file = join(folder(), 'logs', 'app.log')
  const echoed: string[] = []
  const log = openFileLog({ file, now, echo: (line) => echoed.push(line) })
  log.info('opened', { folder: '/a b', count: 3 })
  log.warn('two\n  lines')
  log.error('failed')
  await log.close()
  const lines = [
    '2026-11-22T10:00:00.000Z info  opened folder="/a b" count=3',
    '2026-11-22T10:00:00.000Z warn  two | lines',
    '2026-11-22T10:00:00.000Z error failed',
  ]
  expect(readFileSync(file, 'utf8')).toBe(`${lines.join('\n')}\n`)
  expect(echoed).toEqual(lines.slice(1))
})

test('a full log is kept as .1 and a new one begun', async () => {
  const file = join(folder(), 'app.log')
  writeFileSync(file, 'x'.repeat(101))
  const log = openFileLog({ file, now, rotationBytes: 100 })
  log.info('first')
  log.info('second')
  await log.close()
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('x'.repeat(101))
  expect(readFileSync(file, 'utf8')).toContain('first')
  expect(readFileSync(file, 'utf8')).toContain('second')
})

test('a log that cannot be written says so once and stops nothing', async () => {
  const blocked = join(folder(), 'file')
  writeFileSync(blocked, '')
  const echoed: string[] = []
  const log = openFileLog({ file: join(blocked, 'app.log'), now, echo: (line) => echoed.push(line) })
  log.info('one')
  log.info('two')
  await log.close()
  expect(echoed.filter((line) => line.includes('cannot be written'))).toHaveLength(1)
  expect(existsSync(join(blocked, 'app.log'))).toBe(false)
})
