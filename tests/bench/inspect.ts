import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEngine } from '../../src-main/engine/engine.ts'
import type { CompareRequest } from '../../src-main/engine/replies.ts'
import { makeAdapter } from './make-adapter.ts'
import { llama8bLayers, moduleNames } from './shapes.ts'
import type { Measure, Trial } from './trial.ts'

const rank = 16
const coldRounds = 3

/** Norms and all pairwise cosines of `count` adapters of `layers` layers against one plain read of their files. */
export async function measureInspect(scratch: string, count: number, layers: number): Promise<readonly Measure[]> {
  const modules = moduleNames(layers)
  const left = Array.from({ length: count }, (_, index) => {
    const folder = join(scratch, `adapter-${index}`)
    makeAdapter(folder, modules, rank, index + 1)
    return {
      weightsFile: join(folder, 'adapter_model.safetensors'),
      modules: modules.map((module) => {
        const prefix = `base_model.model.${module.name}`
        return { ...module, a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight`, rank, scaling: 2 }
      }),
    }
  })
  const requestFile = join(scratch, 'request.json')
  writeFileSync(requestFile, JSON.stringify({ left, right: null } satisfies CompareRequest))
  const files = left.map(({ weightsFile }) => weightsFile)
  const forget = () => files.every(forgetFile)

  const canForget = forget()
  // The disk is shared: reading and comparing take turns, and the best of each counts.
  const rounds = Array.from({ length: coldRounds }, () => {
    forget()
    const read = readSeconds(files)
    forget()
    return { read, compared: compareInChild(requestFile) }
  })
  const coldRead = Math.min(...rounds.map(({ read }) => read))
  const cold = rounds.reduce((one, { compared }) => (compared.seconds < one.seconds ? compared : one), rounds[0]!.compared)
  // Comparing leaves the system's cache as it was.
  readSeconds(files)
  const warmRead = readSeconds(files)
  const warm = compareInChild(requestFile)
  const one = await inspectOne(left[0]!)

  const units = count * rank
  const flops = modules.reduce((sum, module) => sum + units * units * (module.in + module.out), 0)
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  const from = canForget ? 'files on the disk, not in memory' : 'files in memory: they could not be dropped from it'
  return [
    {
      name: 'norms and all cosines / reading the files once',
      value: cold.seconds / coldRead,
      unit: 'times',
      limit: 1.5,
      note: `${from}; best of ${coldRounds} each`,
    },
    { name: 'the same with the files in memory', value: warm.seconds / warmRead, unit: 'times' },
    { name: 'peak memory of the process', value: Math.max(cold.peakBytes, warm.peakBytes) / 1e6, unit: 'MB', limit: 2000 },
    { name: 'comparing from the disk', value: cold.seconds, unit: 's', note: `${((count * (count - 1)) / 2).toFixed(0)} pairs` },
    { name: 'comparing from memory', value: warm.seconds, unit: 's', note: `${(flops / 1e12).toFixed(2)} TFLOP, symmetric halves` },
    { name: 'arithmetic from memory', value: flops / warm.seconds / 1e9, unit: 'GFLOP/s' },
    { name: 'reading from the disk', value: coldRead, unit: 's', note: `${(bytes / 1e9).toFixed(2)} GB` },
    { name: 'reading from memory', value: warmRead, unit: 's' },
    { name: 'norm of one adapter, compared / inspected', value: warm.norm / one.norm, unit: 'times', note: 'must be 1 to 1e-6' },
    { name: 'inspection of one adapter, with spectra', value: one.seconds, unit: 's', note: 'one thread' },
  ]
}

/** Takes the file's pages out of memory; false where dd cannot. */
export function forgetFile(path: string): boolean {
  const written = spawnSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' })
  return written.status === 0 && spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' }).status === 0
}

/** Seconds of one plain read of the files, one after the other. */
export function readSeconds(files: readonly string[]): number {
  const chunk = Buffer.alloc(8 << 20)
  const started = performance.now()
  for (const path of files) {
    const file = openSync(path, 'r')
    while (readSync(file, chunk, 0, chunk.length, null) > 0);
    closeSync(file)
  }
  return (performance.now() - started) / 1000
}

function compareInChild(requestFile: string): { readonly seconds: number; readonly peakBytes: number; readonly norm: number } {
  const child = execFileSync(process.execPath, [join(import.meta.dirname, 'compare-child.ts'), requestFile], { encoding: 'utf8' })
  return JSON.parse(child)
}

async function inspectOne(adapter: CompareRequest['left'][number]): Promise<{ readonly seconds: number; readonly norm: number }> {
  const engine = createEngine({ threads: 2 })
  const started = performance.now()
  const { norm } = await engine.inspect(adapter)
  return { seconds: (performance.now() - started) / 1000, norm: norm ?? Number.NaN }
}

export const inspect: Trial = {
  name: 'inspect',
  summary: 'norms and all pairwise cosines of 100 rank-16 adapters at 8B shapes, against reading their files once',
  run: (scratch) => measureInspect(scratch, 100, llama8bLayers),
}
