import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { hashWeights } from '../../src-main/library/hash-file.ts'
import { stampOf } from '../../src-main/library/read-file.ts'
import { createWorkerPool } from '../../src-main/library/worker-pool.ts'
import { workerFile } from '../../src-main/platform/worker-file.ts'
import { makeAdapter } from './make-adapter.ts'
import { llama8bLayers, moduleNames } from './shapes.ts'
import { median, type Trial } from './trial.ts'

const rounds = 5
const chunkBytes = 1 << 20
const rank = 16

/** The yardstick: one thread that reads a file in chunks and hashes them, and nothing else. Run in a thread of its own, as the product does. */
const plainHash = `
const { createHash } = require('node:crypto'); const { openSync, readSync, closeSync } = require('node:fs')
const { parentPort, workerData } = require('node:worker_threads')
parentPort.on('message', () => {
  const started = performance.now(); const file = openSync(workerData.path, 'r'); const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(workerData.chunkBytes)
  for (let count; (count = readSync(file, buffer, 0, buffer.length)) > 0; ) hash.update(buffer.subarray(0, count))
  closeSync(file); hash.digest(); parentPort.postMessage((performance.now() - started) / 1000)
})`

/** Reads a file once, so that later rounds measure hashing and not the disk. */
function readOnce(path: string): string {
  const file = openSync(path, 'r')
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunkBytes)
  for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) hash.update(buffer.subarray(0, count))
  closeSync(file)
  return hash.digest('hex')
}

function plainSeconds(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject)
    worker.postMessage(null)
  })
}

export const hashFiles: Trial = {
  name: 'hash',
  summary:
    'the hashing of the library in its workers (whole file and factors at the same time), against plain SHA-256 of the same file in one thread',
  async run(scratch) {
    makeAdapter(join(scratch, 'large'), moduleNames(llama8bLayers), rank, 1)
    const path = join(scratch, 'large', 'adapter_model.safetensors')
    const expected = readOnce(path)
    const stats = statSync(path, { bigint: true })
    const bytes = Number(stats.size)
    const pool = createWorkerPool(workerFile('library/read-worker'), 2)
    const plain = new Worker(plainHash, { eval: true, workerData: { path, chunkBytes } })
    const delay = monitorEventLoopDelay({ resolution: 5 })
    const product: number[] = []
    const bare: number[] = []
    let longestStallMs = 0
    await plainSeconds(plain)
    await hashWeights(pool, { path, stamp: stampOf(stats) })
    for (let round = 0; round < rounds; round++) {
      bare.push(await plainSeconds(plain))
      delay.reset()
      delay.enable()
      const started = performance.now()
      const hashes = await hashWeights(pool, { path, stamp: stampOf(stats) })
      product.push((performance.now() - started) / 1000)
      delay.disable()
      longestStallMs = Math.max(longestStallMs, delay.max / 1e6)
      if (hashes === null || 'code' in hashes || hashes.weightsSha256 !== expected) throw new Error('the hash of the file is wrong')
    }
    await pool.close()
    await plain.terminate()
    const rate = bytes / median(product) / 1e6
    const plainRate = bytes / median(bare) / 1e6
    return [
      { name: 'hashing / plain SHA-256', value: rate / plainRate, unit: 'ratio', limit: 0.8, atLeast: true, note: `medians of ${rounds}` },
      { name: 'hashing', value: rate, unit: 'MB/s', note: `a file of ${Math.round(bytes / 1e6)} MB` },
      { name: 'plain SHA-256', value: plainRate, unit: 'MB/s' },
      { name: 'longest event-loop stall', value: longestStallMs, unit: 'ms', limit: 50 },
    ]
  },
}
