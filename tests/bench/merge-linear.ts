import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEngine } from '../../src-main/engine/engine.ts'
import type { ResolvedMergeJob } from '../../src-main/contract/recipe.ts'
import { readSafetensors } from '../helpers/safetensors.ts'
import { mergeInChild, prepareMerge } from './merge-concat.ts'
import type { Measure, Trial } from './trial.ts'

const keptRank = 16

/** The same job for one square 4096 x 4096 module. */
function oneModule(job: ResolvedMergeJob): ResolvedMergeJob {
  return {
    ...job,
    output: { ...job.output, dtype: 'float32' },
    modules: job.modules.filter((module) => module.name === 'model.layers.0.self_attn.q_proj'),
  }
}

function rowsOf(path: string, name: string): { rows: Float64Array[]; columns: number } {
  const tensor = readSafetensors(path).get(name)
  if (!tensor) throw new Error(`${name} is not in ${path}`)
  const [rows = 0, columns = 0] = tensor.shape
  return {
    rows: Array.from({ length: rows }, (_, row) => Float64Array.from(tensor.data.subarray(row * columns, (row + 1) * columns))),
    columns,
  }
}

/** y += factor * B (A x), and the transpose: y += factor * A^T (B^T x); the update is applied, never formed. */
interface LowRank {
  readonly b: { rows: Float64Array[] }
  readonly a: { rows: Float64Array[]; columns: number }
  readonly factor: number
}

function apply(terms: readonly LowRank[], x: Float64Array, rows: number): Float64Array {
  const y = new Float64Array(rows)
  for (const { a, b, factor } of terms) {
    const inner = a.rows.map((row) => row.reduce((sum, value, i) => sum + value * x[i]!, 0))
    b.rows.forEach((row, i) => (y[i] = y[i]! + factor * row.reduce((sum, value, k) => sum + value * inner[k]!, 0)))
  }
  return y
}

/**
 * Relative difference between our rank-16 result and the best rank-16 fit of the dense update, by the dense reference:
 * NumPy's SVD of the formed update where python3-numpy is present, else a check of the residual identity only.
 */
const numpyReference = `
import json, sys, time, struct
import numpy as np
def read(path):
    with open(path, 'rb') as f:
        n = struct.unpack('<Q', f.read(8))[0]; header = json.loads(f.read(n)); data = f.read()
    out = {}
    for name, t in header.items():
        if name == '__metadata__': continue
        raw = data[t['data_offsets'][0]:t['data_offsets'][1]]
        if t['dtype'] == 'BF16': v = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else: v = np.frombuffer(raw, np.float32)
        out[name] = v.reshape(t['shape'])
    return out
job = json.load(open(sys.argv[1])); m = job['modules'][0]
ours = read(sys.argv[2])
files = [a['weightsFile'] for a in job['adapters']]
started = time.perf_counter()
delta = np.zeros((m['out'], m['in']), np.float32)
for s in m['sources']:
    t = read(files[s['adapter']])
    delta += np.float32(s['coefficient'] * s['scaling']) * (t[s['b']] @ t[s['a']])
u, sigma, vt = np.linalg.svd(delta, full_matrices=False)
k = m['rank']
best = (u[:, :k] * sigma[:k]) @ vt[:k]
seconds = time.perf_counter() - started
mine = ours[m['outputB']] @ ours[m['outputA']]
print(json.dumps(dict(seconds=seconds, difference=float(np.linalg.norm(mine - best) / np.linalg.norm(best)), numpy=np.__version__, gap=float(sigma[k] / sigma[k - 1]))))
`

export const mergeLinear: Trial = {
  name: 'merge-linear',
  summary: 'linear cut to rank 16, the inputs of merge-concat; agreement with and speed against a dense SVD of one 4096 x 4096 module',
  async run(scratch) {
    const { jobFile } = prepareMerge(scratch, 'linear', keptRank)
    const whole = await mergeInChild(jobFile, join(scratch, 'out.safetensors'))
    const measures: Measure[] = [
      { name: 'whole merge, 224 modules', value: whole.seconds, unit: 's', limit: 60 },
      { name: 'peak memory of the process', value: whole.peakBytes / 1e6, unit: 'MB', limit: 600 },
    ]
    return [...measures, ...(await denseComparison(scratch, jobFile))]
  },
}

async function denseComparison(scratch: string, jobFile: string): Promise<Measure[]> {
  const job = oneModule(JSON.parse(readFileSync(jobFile, 'utf8')))
  const outFile = join(scratch, 'one.safetensors')
  const engine = createEngine({ threads: 2 })
  const started = performance.now()
  await engine.merge(job, outFile, {})
  const seconds = (performance.now() - started) / 1000
  const oneJob = join(scratch, 'one.json')
  writeFileSync(oneJob, JSON.stringify(job))
  const python = spawnSync('python3', ['-c', numpyReference, oneJob, outFile], { encoding: 'utf8' })
  if (python.status === 0) {
    const reference = JSON.parse(python.stdout)
    return [
      {
        name: 'one module: difference from the dense SVD',
        value: reference.difference,
        unit: 'relative',
        limit: 1e-5,
        note: `NumPy ${reference.numpy}, f32`,
      },
      {
        name: 'one module: dense SVD / ours',
        value: reference.seconds / seconds,
        unit: 'times',
        limit: 100,
        atLeast: true,
        note: `NumPy ${reference.numpy}, thin SVD`,
      },
      { name: 'one module: ours', value: seconds, unit: 's' },
      { name: 'one module: dense', value: reference.seconds, unit: 's' },
    ]
  }
  return [
    ...residualCheck(job, outFile),
    { name: 'one module: ours', value: seconds, unit: 's', note: 'no NumPy here: the dense SVD was not run' },
  ]
}

/** Without NumPy: our result must be stationary, so the residual applied to our own right singular directions vanishes. */
function residualCheck(job: ResolvedMergeJob, outFile: string): Measure[] {
  const module = job.modules[0]!
  const terms = module.sources.map((source) => {
    const path = job.adapters[source.adapter]!.weightsFile
    return { a: rowsOf(path, source.a), b: rowsOf(path, source.b), factor: source.coefficient * source.scaling }
  })
  const ours: LowRank = { a: rowsOf(outFile, module.outputA), b: rowsOf(outFile, module.outputB), factor: 1 }
  const worst = Math.max(
    ...ours.a.rows.map((direction) => {
      const exact = apply(terms, direction, module.out)
      const fitted = apply([ours], direction, module.out)
      const norm = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0))
      return Math.sqrt(exact.reduce((sum, value, i) => sum + (value - fitted[i]!) ** 2, 0)) / norm
    }),
  )
  return [
    { name: 'one module: residual on our own directions', value: worst, unit: 'relative', limit: 1e-5, note: 'checked without NumPy' },
  ]
}
