// Merge, preview and inspect through the addon, on adapters made here; and the same jobs through engine_cli.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { inspectModules, makeAdapter, mergeJob, moduleNames, randomFloats, tensorA, tensorB, writeSafetensors } from './adapters.mjs'
import { engineCli, load, nodes, productFile, runScript, start } from './support.mjs'

const addon = load(productFile)
const folder = mkdtempSync(path.join(os.tmpdir(), 'amalgam-jobs-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const out = (name) => path.join(folder, name)

const small = { modules: 3, size: 24, rank: 4 }
const first = makeAdapter(folder, 'first', { ...small, seed: 1 })
const second = makeAdapter(folder, 'second', { ...small, seed: 2 })

// Large enough to be caught at work, and with stacks of rank 1024, so that the eigensolver has long runs of its own.
const large = { modules: 4, size: 1024, rank: 256 }
const largeFiles = [0, 1, 2, 3].map((index) => makeAdapter(folder, `large${index}`, { ...large, seed: 10 + index }))

async function run(kind, request) {
  const { promise, reports } = start(addon, kind, request)
  return { result: JSON.parse(await promise), reports }
}

/** The tensors of a safetensors file of F32. */
function readTensors(file) {
  const bytes = readFileSync(file)
  const headerBytes = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString())
  assert.deepEqual(header.__metadata__, { format: 'pt' })
  const data = bytes.subarray(8 + headerBytes)
  const names = Object.keys(header).filter((name) => name !== '__metadata__')
  assert.deepEqual(names, [...names].sort())
  const floats = ([begin, end]) => new Float32Array(data.buffer.slice(data.byteOffset + begin, data.byteOffset + end))
  return new Map(names.map((name) => [name, { shape: header[name].shape, data: floats(header[name].data_offsets) }]))
}

/** scaling * B A in double, row by row. */
function update(tensors, module, scaling) {
  const a = tensors.get(tensorA(module))
  const b = tensors.get(tensorB(module))
  const [rank, width] = a.shape
  const result = new Float64Array(b.shape[0] * width)
  for (let row = 0; row < b.shape[0]; row++)
    for (let unit = 0; unit < rank; unit++)
      for (let col = 0; col < width; col++) result[row * width + col] += scaling * b.data[row * rank + unit] * a.data[unit * width + col]
  return result
}

const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

/** Tensors as makeAdapter made them, read back without the addon. */
function sourceTensors({ modules, size, rank }, seed) {
  const tensors = new Map()
  for (const [index, module] of moduleNames(modules).entries()) {
    tensors.set(tensorA(module), { shape: [rank, size], data: randomFloats(rank * size, seed * 1000 + 2 * index) })
    tensors.set(tensorB(module), { shape: [size, rank], data: randomFloats(rank * size, seed * 1000 + 2 * index + 1) })
  }
  return tensors
}

test('merge: the exact weighted sum, written sorted and complete', async () => {
  for (const method of ['linear', 'concat']) {
    const outFile = out(`${method}.safetensors`)
    const keep = method === 'concat' ? -1 : 8
    const job = mergeJob([first, second], { ...small, method, keep, coefficients: [0.7, -0.3] })
    const { result, reports } = await run('merge', { job, outFile, threads: 2 })
    assert.equal(result.rank, 8)
    assert.equal(result.bytesWritten, readFileSync(outFile).length)
    assert.ok(reports.length > 0)
    const merged = readTensors(outFile)
    assert.equal(merged.size, 6)
    const sources = [sourceTensors(small, 1), sourceTensors(small, 2)]
    for (const [index, module] of moduleNames(3).entries()) {
      const [one, two] = sources.map((tensors) => update(tensors, module, 2))
      const expected = one.map((value, i) => 0.7 * value - 0.3 * two[i])
      const got = update(merged, module, 1)
      const difference = norm(got.map((value, i) => value - expected[i])) / norm(expected)
      assert.ok(difference < 1e-6, `${method} ${module}: ${difference}`)
      assert.ok(Math.abs(result.modules[index].norm / norm(expected) - 1) < 1e-6)
      assert.equal(result.modules[index].name, module)
      assert.ok(result.modules[index].discardedEnergy < 1e-6)
    }
  }
})

test('merge: the same bytes again, and for any number of threads', async () => {
  const files = []
  for (const threads of [1, 2, 3, 2]) {
    const outFile = out(`threads${files.length}.safetensors`)
    await run('merge', { job: mergeJob([first, second], { ...small, keep: 3 }), outFile, threads })
    files.push(readFileSync(outFile))
  }
  for (const bytes of files) assert.ok(bytes.equals(files[0]))
})

test('preview: inner products of the updates, without writing', async () => {
  const before = readdirSync(folder).length
  const { result } = await run('preview', { job: mergeJob([first, second], small), maxBytes: 1 << 26, threads: 1 })
  assert.equal(readdirSync(folder).length, before)
  assert.equal(result.exact, true)
  assert.equal(result.modulesUsed, 3)
  const sources = [sourceTensors(small, 1), sourceTensors(small, 2)]
  for (const i of [0, 1])
    for (const j of [0, 1]) {
      let expected = 0
      for (const module of moduleNames(3)) {
        const other = update(sources[j], module, 2)
        expected += update(sources[i], module, 2).reduce((sum, value, k) => sum + value * other[k], 0)
      }
      assert.ok(Math.abs(result.gram[i][j] - expected) < 1e-6 * Math.abs(result.gram[0][0]))
    }
})

test('inspect: norms and the first number that is not finite', async () => {
  const sound = (await run('inspect', { weightsFile: first, modules: inspectModules(small), threads: 1 })).result
  assert.equal(sound.finite, true)
  assert.equal(sound.firstNonFinite, null)
  const tensors = sourceTensors(small, 1)
  for (const [index, module] of moduleNames(3).entries()) {
    assert.ok(Math.abs(sound.modules[index].norm / norm(update(tensors, module, 2)) - 1) < 1e-9)
  }
  const name = tensorB(moduleNames(3)[1])
  tensors.get(name).data[7] = NaN
  const broken = out('broken.safetensors')
  writeSafetensors(broken, Object.fromEntries(tensors))
  const { result } = await run('inspect', { weightsFile: broken, modules: inspectModules(small), threads: 1 })
  assert.equal(result.finite, false)
  assert.deepEqual(result.firstNonFinite, { tensor: name, index: 7, value: 'nan' })
  const merge = start(addon, 'merge', { job: mergeJob([first, broken], small), outFile: out('never.safetensors'), threads: 1 })
  await assert.rejects(merge.promise, { code: 'not-finite', path: broken, tensor: name })
  assert.equal(existsSync(out('never.safetensors')), false)
})

test('broken files and requests: the code, the path, the tensor, and no file left', async () => {
  const outFile = out('refused.safetensors')
  const merge = (job) => start(addon, 'merge', { job, outFile, threads: 1 }).promise
  const missing = out('missing.safetensors')
  await assert.rejects(merge(mergeJob([first, missing], small)), { code: 'file-unreadable', path: missing })
  const cut = out('cut.safetensors')
  copyFileSync(first, cut)
  truncateSync(cut, 3000)
  await assert.rejects(merge(mergeJob([cut, second], small)), { code: 'tensor-offsets-invalid', path: cut })
  await assert.rejects(merge(mergeJob([first, second], { ...small, rank: 5 })), { code: 'shape-mismatch' })
  await assert.rejects(merge(mergeJob([first, second], { ...small, modules: 4 })), {
    code: 'tensor-missing',
    tensor: tensorA(moduleNames(4)[3]),
  })
  await assert.rejects(merge(mergeJob([first, second], { ...small, method: 'stir' })), { code: 'unknown-method' })
  await assert.rejects(merge({ ...mergeJob([first, second], small), params: { spice: 1 } }), { code: 'parameter-invalid' })
  await assert.rejects(merge({}), { code: 'request-invalid' })
  assert.equal(existsSync(outFile), false)
  await assert.rejects(start(addon, 'merge', { job: mergeJob([first], small), outFile: out('no/folder'), threads: 1 }).promise, {
    code: 'write-failed',
  })
})

/** Starts a merge, cancels it after `waitMs`; returns how it ended and how long the answer took. */
async function cancelAfter(waitMs, request) {
  const { promise, cancel } = start(addon, 'merge', request)
  const outcome = promise.then(
    () => 'done',
    (error) => error.code,
  )
  await new Promise((resolve) => setTimeout(resolve, waitMs))
  const began = performance.now()
  cancel()
  return { outcome: await outcome, answerMs: performance.now() - began }
}

test('cancel: less than 200 ms at any moment, and the partial file is gone', async (context) => {
  const outFile = out('cancelled.safetensors')
  const request = { job: mergeJob(largeFiles, { ...large, keep: 32 }), outFile, threads: 2 }
  const began = performance.now()
  await run('merge', request)
  const wholeMs = performance.now() - began
  rmSync(outFile)
  // Where other programs take the processors for a while an answer comes late through no fault of the job's, so that three
  // rounds are allowed; one has to be free of that.
  let slowest = Infinity
  for (let round = 0; round < 3 && slowest >= 200; round++) {
    slowest = 0
    let cancelled = 0
    for (const part of [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) {
      const { outcome, answerMs } = await cancelAfter(part * wholeMs, request)
      if (outcome === 'done') {
        rmSync(outFile) // the merge was faster than the one that was measured
        continue
      }
      assert.equal(outcome, 'cancelled')
      assert.equal(existsSync(outFile), false)
      cancelled++
      slowest = Math.max(slowest, answerMs)
    }
    assert.ok(cancelled >= 4, `${cancelled} of 8 were cancelled`)
  }
  context.diagnostic(`slowest answer to cancel: ${slowest.toFixed(0)} ms, in a job of ${wholeMs.toFixed(0)} ms`)
  assert.ok(slowest < 200, `${slowest} ms`)
})

for (const { major, file } of nodes()) {
  test(`Node ${major}: a worker terminated, and process.exit, in mid-merge`, async () => {
    const request = (name) => JSON.stringify({ job: mergeJob(largeFiles, { ...large, keep: 32 }), outFile: out(name), threads: 2 })
    const job = out(`job-${major}.cjs`)
    writeFileSync(
      job,
      `require(${JSON.stringify(productFile)}).startJob('merge', ${JSON.stringify(request(`worker-${major}.safetensors`))}, () => {
         require('node:worker_threads').parentPort?.postMessage('running')
       })`,
    )
    const terminate = `
      const { Worker } = require('node:worker_threads')
      const worker = new Worker(process.argv[1])
      worker.once('message', () => setTimeout(() => worker.terminate().then(() => console.log('survived')), 40))`
    const worker = await runScript(file, terminate, [job])
    assert.deepEqual([worker.code, worker.signal, worker.stdout.trim()], [0, null, 'survived'], worker.stderr)
    assert.equal(existsSync(out(`worker-${major}.safetensors`)), false)

    const exit = `require(process.argv[1]); setTimeout(() => { console.log('survived'); process.exit(7) }, 100)`
    const main = await runScript(file, exit, [job])
    assert.deepEqual([main.code, main.signal, main.stdout.trim()], [7, null, 'survived'], main.stderr)
    rmSync(out(`worker-${major}.safetensors`), { force: true })
  })
}

test('engine_cli: devices, a job, refusal and usage, each with its exit status', () => {
  const cli = (...args) => spawnSync(engineCli, args, { encoding: 'utf8' })
  const devices = cli('devices')
  assert.equal(devices.status, 0)
  assert.equal(JSON.parse(devices.stdout).build.id, JSON.parse(addon.devices()).build.id)

  const requestFile = out('request.json')
  writeFileSync(requestFile, JSON.stringify({ job: mergeJob([first, second], small), outFile: out('cli.safetensors'), threads: 1 }))
  const merge = cli('merge', requestFile)
  assert.equal(merge.status, 0, merge.stderr)
  assert.equal(JSON.parse(merge.stdout).modules.length, 3)
  assert.ok(merge.stderr.split('\n').some((line) => line.includes('"stage"')))
  assert.ok(existsSync(out('cli.safetensors')))

  writeFileSync(requestFile, JSON.stringify({ weightsFile: out('missing.safetensors'), modules: [], threads: 1 }))
  const refused = cli('inspect', requestFile)
  assert.equal(refused.status, 1)
  assert.equal(refused.stdout, '')
  assert.equal(JSON.parse(refused.stderr.trim().split('\n').at(-1)).code, 'file-unreadable')
  for (const args of [[], ['merge'], ['melt', requestFile], ['devices', 'x']]) assert.equal(cli(...args).status, 2)
})

test('engine_cli: an interrupt cancels, ends with status 3 and leaves no file', async () => {
  const outFile = out('interrupted.safetensors')
  const child = spawn(engineCli, ['merge', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    if (stderr === '') child.kill('SIGINT')
    stderr += chunk
  })
  child.stdin.end(JSON.stringify({ job: mergeJob(largeFiles, { ...large, keep: 32 }), outFile, threads: 2 }))
  const status = await new Promise((resolve) => child.on('close', resolve))
  assert.equal(status, 3, stderr)
  assert.equal(JSON.parse(stderr.trim().split('\n').at(-1)).code, 'cancelled')
  assert.equal(existsSync(outFile), false)
})
