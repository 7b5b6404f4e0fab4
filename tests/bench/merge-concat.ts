import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeAdapter } from './make-adapter.ts'
import { benchJob } from './merge-job.ts'
import { plainCopySeconds } from './plain-copy.ts'
import { llama8bLayers, moduleNames } from './shapes.ts'
import { median, type Trial } from './trial.ts'

// A shared disk is noisy: many rounds, in turns, and medians.
const rounds = 9
const adapters = 8
const rank = 16

/** Runs a merge job in a process of its own, so that its peak memory is that of the merge alone. */
export async function mergeInChild(jobFile: string, outFile: string): Promise<{ seconds: number; outputBytes: number; peakBytes: number }> {
  const child = join(import.meta.dirname, 'merge-child.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [child, jobFile, outFile])
  return JSON.parse(stdout)
}

/** Writes the eight benchmark adapters and the job; both merges at 8B shapes use the same inputs. */
export function prepareMerge(scratch: string, method: 'concat' | 'linear', keptRank: number): { jobFile: string; inputs: string[] } {
  const folders = Array.from({ length: adapters }, (_, index) => join(scratch, `adapter-${index}`))
  folders.forEach((folder, index) => makeAdapter(folder, moduleNames(llama8bLayers), rank, index + 1))
  const jobFile = join(scratch, 'job.json')
  writeFileSync(jobFile, JSON.stringify(benchJob(method, folders, rank, keptRank)))
  return { jobFile, inputs: folders.map((folder) => join(folder, 'adapter_model.safetensors')) }
}

export const mergeConcat: Trial = {
  name: 'merge-concat',
  summary: `concat of ${adapters} rank-${rank} bf16 adapters at 8B shapes against a plain read of the inputs plus write and fsync of the output`,
  async run(scratch) {
    const { jobFile, inputs } = prepareMerge(scratch, 'concat', -1)
    const outFile = join(scratch, 'out.safetensors')
    const merges: number[] = []
    const copies: number[] = []
    let peakBytes = 0
    for (let round = 0; round < rounds; round++) {
      const merge = await mergeInChild(jobFile, outFile)
      merges.push(merge.seconds)
      peakBytes = Math.max(peakBytes, merge.peakBytes)
      copies.push(plainCopySeconds(inputs, outFile, merge.outputBytes))
    }
    return [
      { name: 'merge / plain copy', value: median(merges) / median(copies), unit: 'ratio', limit: 1.3, note: `medians of ${rounds}` },
      { name: 'merge', value: median(merges), unit: 's' },
      { name: 'plain copy', value: median(copies), unit: 's' },
      { name: 'peak memory of the process', value: peakBytes / 1e6, unit: 'MB', limit: 600 },
    ]
  },
}
