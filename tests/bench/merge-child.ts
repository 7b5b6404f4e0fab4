/** Runs one merge in a process of its own and prints { seconds, peakBytes }: seconds of the addon call, peak resident memory of the process. */
import { readFileSync, rmSync, statSync } from 'node:fs'
import { createEngine } from '../../src-main/engine/engine.ts'

const [jobFile = '', outFile = ''] = process.argv.slice(2)
const job = JSON.parse(readFileSync(jobFile, 'utf8'))
const engine = createEngine({ threads: 2 })
const started = performance.now()
const outcome = await engine.merge(job, outFile, {})
const seconds = (performance.now() - started) / 1000
const outputBytes = statSync(outFile).size
rmSync(outFile)
console.log(JSON.stringify({ seconds, outputBytes, peakBytes: process.resourceUsage().maxRSS * 1024, modules: outcome.modules.length }))
