// The one asynchronous job, with jobs that do as they are told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, start, testFile } from './support.mjs'

const addon = load(testFile)

test('a job returns what its function returns', async () => {
  const request = { text: 'grüße 😀 \u0000 "', numbers: [0, -1, 0.1, 1e300, 9007199254740991], nested: { empty: {}, list: [null, true] } }
  assert.deepEqual(JSON.parse(await start(addon, 'echo', request).promise), request)
})

test('an error carries its code, message, path, tensor and hint', async () => {
  await assert.rejects(start(addon, 'fail', { what: 'error' }).promise, (error) => {
    assert.ok(error instanceof Error)
    assert.equal(error.code, 'shape-mismatch')
    assert.equal(error.message, 'expected 16 rows, found 8')
    assert.equal(error.path, '/some/file')
    assert.equal(error.tensor, 'layer.0.lora_A.weight')
    assert.equal(error.hint, 'look again')
    return true
  })
})

test('exceptions of any kind become rejections, never the end of the process', async () => {
  await assert.rejects(start(addon, 'fail', { what: 'memory' }).promise, { code: 'out-of-memory' })
  await assert.rejects(start(addon, 'fail', { what: 'stranger' }).promise, { code: 'internal-error', message: /a bug/ })
  await assert.rejects(start(addon, 'fail', { what: 'unknown' }).promise, { code: 'internal-error' })
})

test('bad requests: wrong types are thrown, wrong contents rejected', async () => {
  assert.throws(() => addon.startJob('echo'), TypeError)
  assert.throws(() => addon.startJob('echo', {}, () => {}), TypeError)
  assert.throws(() => addon.startJob('echo', '{}', 1), TypeError)
  await assert.rejects(start(addon, 'melt', {}).promise, { code: 'request-invalid', message: /"melt".*echo, spin, flood, fail/ })
  await assert.rejects(addon.startJob('echo', '{"a":', () => {}).promise, { code: 'request-invalid' })
  await assert.rejects(start(addon, 'spin', { milliseconds: 'long' }).promise, { code: 'request-invalid', message: /"milliseconds"/ })
})

test('progress comes at about ten reports a second, first and last included', async () => {
  const { promise, reports } = start(addon, 'spin', { milliseconds: 500, threads: 2 })
  await promise
  assert.deepEqual(Object.keys(reports[0]), ['stage', 'done', 'total', 'unit', 'rate', 'etaSeconds'])
  assert.equal(reports[0].done, 0)
  assert.equal(reports[0].etaSeconds, null)
  assert.equal(reports.at(-1).done, 500)
  assert.ok(reports.length >= 3 && reports.length <= 30, `${reports.length} reports`)
  for (let i = 1; i < reports.length; i++) assert.ok(reports[i].done >= reports[i - 1].done)
})

test('a flood of progress is merged into few messages, and the last one arrives before the result', async () => {
  let settled = false
  const { promise, reports } = start(addon, 'flood', { stages: 200_000 }, () => assert.equal(settled, false))
  await promise
  settled = true
  assert.equal(reports.at(-1).stage, 'stage 199999')
  assert.ok(reports.length < 200_000)
})

test('cancel takes less than 200 ms', async () => {
  for (const wait of [0, 20, 100]) {
    const { promise, cancel } = start(addon, 'spin', { milliseconds: 60_000, threads: 2 })
    await new Promise((resolve) => setTimeout(resolve, wait))
    const began = performance.now()
    cancel()
    await assert.rejects(promise, { code: 'cancelled' })
    assert.ok(performance.now() - began < 200, `${performance.now() - began} ms`)
  }
})

test('cancel after the end, and twice, does nothing', async () => {
  const { promise, cancel } = start(addon, 'echo', { a: 1 })
  assert.equal(await promise, '{"a":1}')
  cancel()
  cancel()
})

test('the event loop goes on while a job computes', async () => {
  const { promise } = start(addon, 'spin', { milliseconds: 400, threads: 1 })
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  await promise
  clearInterval(timer)
  assert.ok(turns >= 20, `${turns} turns in 400 ms`)
})

test('several jobs at once keep apart', async () => {
  const jobs = Array.from({ length: 20 }, (_, index) => start(addon, 'echo', { index }).promise)
  const spin = start(addon, 'spin', { milliseconds: 60_000, threads: 1 })
  assert.deepEqual(
    (await Promise.all(jobs)).map((json) => JSON.parse(json).index),
    [...Array(20).keys()],
  )
  spin.cancel()
  await assert.rejects(spin.promise, { code: 'cancelled' })
})

test('devices: a processor always, CUDA or the reason why not', () => {
  const devices = JSON.parse(addon.devices())
  assert.ok(devices.cpu.name.length > 0)
  assert.ok(Number.isInteger(devices.cpu.threads) && devices.cpu.threads >= 1)
  assert.ok(['avx512', 'avx2', 'portable'].includes(devices.cpu.instructions))
  assert.equal(devices.cuda.available, devices.cuda.devices.length > 0)
  assert.equal(devices.cuda.reason === '', devices.cuda.available)
  assert.match(devices.build.version, /^\d+\.\d+\.\d+$/)
  assert.match(devices.build.id, /^[0-9a-f]{16}$/)
  assert.equal(typeof devices.build.cudaCompiled, 'boolean')
  assert.ok(devices.build.compiler.length > 0)
})
