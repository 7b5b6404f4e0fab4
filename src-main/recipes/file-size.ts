import type { Dtype } from '../contract/adapter.ts'
import type { ResolvedMergeJob } from '../contract/recipe.ts'

const dtypeFacts: Readonly<Record<Dtype, { readonly name: string; readonly bytes: number }>> = {
  float32: { name: 'F32', bytes: 4 },
  float16: { name: 'F16', bytes: 2 },
  bfloat16: { name: 'BF16', bytes: 2 },
}

/** Bytes of the weights file that the job writes: header (sorted names, padded to 8) and factors at the written rank. */
export function writtenBytes(job: ResolvedMergeJob): number {
  const { name: dtype, bytes } = dtypeFacts[job.output.dtype]
  const rank = job.output.rank
  const tensors = job.modules.flatMap((module) => [
    { name: module.outputA, shape: [rank, module.in] },
    { name: module.outputB, shape: [module.out, rank] },
  ])
  tensors.sort((left, right) => Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)))
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let place = 0
  for (const { name, shape } of tensors) {
    const end = place + shape[0]! * shape[1]! * bytes
    header[name] = { dtype, shape, data_offsets: [place, end] }
    place = end
  }
  const headerBytes = Buffer.byteLength(JSON.stringify(header))
  return 8 + Math.ceil(headerBytes / 8) * 8 + place
}
