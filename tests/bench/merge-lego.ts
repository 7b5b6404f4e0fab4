import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAdapter } from './make-adapter.ts'
import { mergeInChild } from './merge-concat.ts'
import { benchJob } from './merge-job.ts'
import { llama8bLayers, moduleNames } from './shapes.ts'
import { median, type Trial } from './trial.ts'

const rounds = 3
const adapters = 8
const rank = 16
const clusters = 16

/** All layers, or one when AMALGAM_BENCH_ONE_LAYER is set, to see quickly that it works. */
const layers = process.env['AMALGAM_BENCH_ONE_LAYER'] === undefined ? llama8bLayers : 1

const lego = {
  k: clusters,
  paramReweight: true,
  outputReweight: true,
  referenceRank: rank,
  restarts: 10,
  features: 'raw',
  equalVotes: false,
  units: 'stored',
}

export const mergeLego: Trial = {
  name: 'merge-lego',
  summary: `lego of ${adapters} rank-${rank} bf16 adapters at 8B shapes with k = ${clusters} and 10 restarts, against linear cut to rank ${rank} of the same files`,
  async run(scratch) {
    const folders = Array.from({ length: adapters }, (_, index) => join(scratch, `adapter-${index}`))
    folders.forEach((folder, index) => makeAdapter(folder, moduleNames(layers), rank, index + 1))
    const jobs = {
      linear: benchJob('linear', folders, rank, rank, layers),
      lego: benchJob('lego', folders, rank, clusters, layers, lego),
    }
    const seconds: Record<keyof typeof jobs, number[]> = { linear: [], lego: [] }
    let peakBytes = 0
    for (let round = 0; round < rounds; round++) {
      for (const method of ['linear', 'lego'] as const) {
        const jobFile = join(scratch, `${method}.json`)
        writeFileSync(jobFile, JSON.stringify(jobs[method]))
        const merge = await mergeInChild(jobFile, join(scratch, 'out.safetensors'))
        seconds[method].push(merge.seconds)
        if (method === 'lego') peakBytes = Math.max(peakBytes, merge.peakBytes)
      }
    }
    return [
      {
        name: 'lego / linear',
        value: median(seconds.lego) / median(seconds.linear),
        unit: 'ratio',
        limit: 3,
        note: `medians of ${rounds}`,
      },
      { name: `lego, ${7 * layers} modules`, value: median(seconds.lego), unit: 's' },
      { name: `linear, ${7 * layers} modules`, value: median(seconds.linear), unit: 's' },
      { name: 'peak memory of the process', value: peakBytes / 1e6, unit: 'MB', limit: 600 },
    ]
  },
}
