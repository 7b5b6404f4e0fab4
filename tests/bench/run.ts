/**
 * npm run bench [-- NAME...] [--record]: runs the benchmarks and says for each measure whether its limit holds.
 * --record writes docs/benchmarks/NAME.json with the figures and the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'

import { redrawCharts } from './charts.ts'
import { compare } from './compare.ts'
import { engine } from './engine.ts'
import { hashFiles } from './hash-files.ts'
import { importHeaders } from './import-headers.ts'
import { inspect } from './inspect.ts'
import { learn } from './learn.ts'
import { mergeConcat } from './merge-concat.ts'
import { mergeLego } from './merge-lego.ts'
import { mergeLinear } from './merge-linear.ts'
import { mergeTies } from './merge-ties.ts'
import { paintWindow } from './paint.ts'
import { scrollTable } from './scroll.ts'
import { search } from './search.ts'
import { verdictErrors } from './verdict.ts'
import { holds, type Measure, type Trial } from './trial.ts'

const trials: readonly Trial[] = [
  importHeaders,
  search,
  hashFiles,
  mergeConcat,
  mergeLinear,
  mergeTies,
  mergeLego,
  inspect,
  engine,
  learn,
  compare,
  verdictErrors,
  redrawCharts,
  paintWindow,
  scrollTable,
]

function line(measure: Measure): string {
  const bound =
    measure.limit === undefined
      ? ''
      : ` (${measure.atLeast ? 'at least' : 'at most'} ${measure.limit}: ${holds(measure) ? 'holds' : 'DOES NOT HOLD'})`
  return `  ${measure.name}: ${Number(measure.value.toPrecision(4))} ${measure.unit}${bound}${measure.note ? ` [${measure.note}]` : ''}`
}

function record(trial: Trial, measures: readonly Measure[]): void {
  const folder = join(import.meta.dirname, '../../docs/benchmarks')
  mkdirSync(folder, { recursive: true })
  const machine = { processor: cpus()[0]?.model, cores: cpus().length, node: process.version, date: new Date().toISOString().slice(0, 10) }
  writeFileSync(
    join(folder, `${trial.name}.json`),
    `${JSON.stringify({ trial: trial.name, summary: trial.summary, machine, measures }, null, 2)}\n`,
  )
}

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = wanted.filter((name) => !trials.some((trial) => trial.name === name))
if (unknown.length > 0) {
  console.error(`Unknown benchmark ${unknown.join(', ')}. Benchmarks: ${trials.map((trial) => trial.name).join(', ')}.`)
  process.exit(2)
}
for (const trial of trials.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  console.log(`${trial.name}: ${trial.summary}`)
  const scratch = mkdtempSync(join(tmpdir(), 'amalgam-bench-'))
  try {
    const measures = await trial.run(scratch)
    for (const measure of measures) console.log(line(measure))
    if (process.argv.includes('--record')) record(trial, measures)
    if (!measures.every(holds)) process.exitCode = 1
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
