/** Runs one comparison in a process of its own and prints { seconds, peakBytes, norm }: seconds of the addon call, peak resident memory. */
import { readFileSync } from 'node:fs'
import { createEngine } from '../../src-main/engine/engine.ts'

const [requestFile = ''] = process.argv.slice(2)
const engine = createEngine({ threads: 2 })
const request = JSON.parse(readFileSync(requestFile, 'utf8'))
const started = performance.now()
const { gram } = await engine.compare(request)
const seconds = (performance.now() - started) / 1000
console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024, norm: Math.sqrt(gram[0]?.[0] ?? Number.NaN) }))
