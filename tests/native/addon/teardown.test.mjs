// The environment ends while jobs run: what once killed Node. Every case in a process of its own, on every Node here.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodes, runScript, testFile } from './support.mjs'

const longJob = `addon.startJob('spin', '{"milliseconds":600000,"threads":2}', () => {})`
const floodJob = `addon.startJob('flood', '{"stages":10000000}', () => {})`

const terminateWorkers = `
  const { Worker } = require('node:worker_threads')
  const file = process.argv[1]
  const code = \`
    const addon = require(\${JSON.stringify(file)})
    ${longJob}; ${floodJob}
    require('node:worker_threads').parentPort.postMessage('started')
  \`
  async function round() {
    const worker = new Worker(code, { eval: true })
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60))
    await worker.terminate()
  }
  Promise.all([round(), round()]).then(() => Promise.all([round(), round()])).then(() => console.log('survived'))
`

const workerEndsByItself = `
  const { Worker } = require('node:worker_threads')
  const code = \`
    const addon = require(\${JSON.stringify(process.argv[1])})
    ${longJob}; ${floodJob}
    setTimeout(() => process.exit(0), 30)
  \`
  new Worker(code, { eval: true }).once('exit', () => console.log('survived'))
`

const exitInMidJob = `
  const addon = require(process.argv[1])
  ${longJob}; ${floodJob}
  setTimeout(() => { console.log('survived'); process.exit(7) }, 50)
`

const exitAtOnce = `
  const addon = require(process.argv[1])
  ${longJob}
  console.log('survived')
  process.exit(7)
`

const uncaughtInMidJob = `
  const addon = require(process.argv[1])
  ${longJob}
  console.log('survived')
  setTimeout(() => { throw new Error('on purpose') }, 50)
`

const throwingProgress = `
  const addon = require(process.argv[1])
  process.on('uncaughtException', (error) => console.log('uncaught ' + error.message))
  addon.startJob('spin', '{"milliseconds":30,"threads":1}', () => { throw new Error('in progress') })
    .promise.then(() => console.log('survived'))
`

const keepsAlive = `
  const addon = require(process.argv[1])
  addon.startJob('spin', '{"milliseconds":100,"threads":1}', () => {}).promise.then(() => console.log('survived'))
`

const cases = [
  { name: 'four workers terminated in mid-job', script: terminateWorkers, code: 0 },
  { name: 'a worker that exits in mid-job', script: workerEndsByItself, code: 0 },
  { name: 'process.exit in mid-job', script: exitInMidJob, code: 7 },
  { name: 'process.exit right after the start', script: exitAtOnce, code: 7 },
  { name: 'an uncaught exception in mid-job', script: uncaughtInMidJob, code: 1 },
  { name: 'a progress callback that throws', script: throwingProgress, code: 0 },
  { name: 'a running job keeps the process alive until it ends', script: keepsAlive, code: 0 },
]

for (const { major, file } of nodes()) {
  for (const { name, script, code } of cases) {
    test(`Node ${major}: ${name}`, async () => {
      const result = await runScript(file, script, [testFile])
      assert.equal(result.signal, null, result.stderr)
      assert.equal(result.code, code, result.stderr)
      assert.match(result.stdout, /survived/)
      if (script === throwingProgress) assert.match(result.stdout, /uncaught in progress/)
    })
  }
}
