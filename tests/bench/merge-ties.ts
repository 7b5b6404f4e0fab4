import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAdapter } from './make-adapter.ts'
import { mergeInChild } from './merge-concat.ts'
import { benchJob } from './merge-job.ts'
import { llama8bLayers, moduleNames } from './shapes.ts'
import type { Measure, Trial } from './trial.ts'

const adapters = 4
const rank = 16
const keptRank = 16
const mostSeconds = 15 * 60
const mostMegabytes = 2000

/** One layer first, to say what the whole will take; the whole only when AMALGAM_BENCH_ONE_LAYER is not set. */
const whole = process.env['AMALGAM_BENCH_ONE_LAYER'] === undefined

export const mergeTies: Trial = {
  name: 'merge-ties',
  summary: `ties of ${adapters} rank-${rank} bf16 adapters at 8B shapes, density 0.2, cut to rank ${keptRank}, on two threads, both variants`,
  async run(scratch) {
    const folders = Array.from({ length: adapters }, (_, index) => join(scratch, `adapter-${index}`))
    folders.forEach((folder, index) => makeAdapter(folder, moduleNames(whole ? llama8bLayers : 1), rank, index + 1))
    const measures: Measure[] = []
    for (const variant of ['paper', 'count']) {
      const merge = (layers: number) => {
        const jobFile = join(scratch, `job-${layers}.json`)
        writeFileSync(jobFile, JSON.stringify(benchJob('ties', folders, rank, keptRank, layers, { density: 0.2, variant })))
        return mergeInChild(jobFile, join(scratch, 'out.safetensors'))
      }
      const one = await merge(1)
      measures.push(
        { name: `${variant}: one layer`, value: one.seconds, unit: 's' },
        { name: `${variant}: ${llama8bLayers} times one layer`, value: llama8bLayers * one.seconds, unit: 's', limit: mostSeconds },
        { name: `${variant}: peak memory of the process, one layer`, value: one.peakBytes / 1e6, unit: 'MB', limit: mostMegabytes },
      )
      if (!whole) continue
      const all = await merge(llama8bLayers)
      measures.push(
        { name: `${variant}: whole merge, ${7 * llama8bLayers} modules`, value: all.seconds, unit: 's', limit: mostSeconds },
        { name: `${variant}: peak memory of the process`, value: all.peakBytes / 1e6, unit: 'MB', limit: mostMegabytes },
      )
    }
    return measures
  },
}
