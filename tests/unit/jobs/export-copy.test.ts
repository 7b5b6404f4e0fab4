import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JobProgress } from '../../../src-main/contract/job.ts'
import { Refusal } from '../../../src-main/contract/problems.ts'
import { copyAdapter } from '../../../src-main/jobs/export-copy.ts'
import type { RunContext } from '../../../src-main/jobs/runner.ts'

let from: string
let to: string
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-copy-'))
  from = join(folder, 'from')
  to = join(folder, 'to')
  mkdirSync(from)
  mkdirSync(to)
  // Larger than one piece of the copy, and no multiple of it.
  writeFileSync(join(from, 'adapter_model.safetensors'), Buffer.alloc(20_000_001, 'weights '))
  writeFileSync(join(from, 'adapter_config.json'), '{"r": 4}')
})
afterEach(() => rmSync(join(from, '..'), { recursive: true, force: true }))

function contextOf(report: (progress: JobProgress) => void = () => undefined, signal = new AbortController().signal): RunContext {
  return { signal, report, note: () => undefined, keep: () => undefined }
}
const refusalOf = async (work: Promise<void>): Promise<readonly string[]> => {
  const error = await work.then(() => undefined, (reason: unknown) => reason) // prettier-ignore
  if (!(error instanceof Refusal)) throw new Error(`no refusal: ${String(error)}`)
  return error.problems.map((problem) => problem.code)
}

test('the bytes are the same, and progress ends at its end', async () => {
  const told: number[] = []
  await copyAdapter(
    from,
    to,
    contextOf(({ stage, unit, fraction }) => void (stage === 'copying' && unit === 'bytes' && told.push(fraction))),
  )
  for (const name of ['adapter_model.safetensors', 'adapter_config.json'])
    expect(readFileSync(join(to, name)).equals(readFileSync(join(from, name)))).toBe(true)
  expect(told.slice(0, 3).map((fraction) => Math.round(fraction * 100))).toEqual([42, 84, 100])
})

test('the wish to stop is heard between two pieces', async () => {
  const stop = new AbortController()
  expect(
    await refusalOf(
      copyAdapter(
        from,
        to,
        contextOf(() => stop.abort(), stop.signal),
      ),
    ),
  ).toEqual(['cancelled'])
  expect(readFileSync(join(to, 'adapter_model.safetensors')).length).toBe(8 << 20)
})

test('a file that is gone or stands in the way is a refusal', async () => {
  rmSync(join(from, 'adapter_config.json'))
  expect(await refusalOf(copyAdapter(from, to, contextOf()))).toEqual(['file-unreadable'])
  expect(await refusalOf(copyAdapter(from, to, contextOf()))).toEqual(['write-failed'])
})
