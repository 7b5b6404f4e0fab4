// Adapters made on the spot, and the requests that go with them.
import { writeFileSync } from 'node:fs'
import path from 'node:path'

/** Numbers from -1 to 1, the same for the same seed (mulberry32). */
export function randomFloats(count, seed) {
  const values = new Float32Array(count)
  let state = seed >>> 0
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    values[i] = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1
  }
  return values
}

/** Writes F32 tensors, `{ name: { shape, data } }`, as a safetensors file. */
export function writeSafetensors(file, tensors) {
  const header = {}
  let offset = 0
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const json = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(json.length))
  const parts = Object.values(tensors).map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  writeFileSync(file, Buffer.concat([prefix, json, ...parts]))
}

/** Module names of a make-believe model. */
export const moduleNames = (count) => Array.from({ length: count }, (_, layer) => `model.layers.${layer}.self_attn.q_proj`)
export const tensorA = (module) => `base_model.model.${module}.lora_A.weight`
export const tensorB = (module) => `base_model.model.${module}.lora_B.weight`

/** Writes an adapter with `modules` square modules of `size` x `size`. Returns its file. */
export function makeAdapter(folder, name, { modules, size, rank, seed }) {
  const file = path.join(folder, `${name}.safetensors`)
  const tensors = {}
  for (const [index, module] of moduleNames(modules).entries()) {
    tensors[tensorA(module)] = { shape: [rank, size], data: randomFloats(rank * size, seed * 1000 + 2 * index) }
    tensors[tensorB(module)] = { shape: [size, rank], data: randomFloats(rank * size, seed * 1000 + 2 * index + 1) }
  }
  writeSafetensors(file, tensors)
  return file
}

/** A complete resolved job for adapters made with equal shapes. */
export function mergeJob(
  files,
  { modules, size, rank, method = 'linear', keep = rank, coefficients = files.map(() => 1), dtype = 'float32' },
) {
  return {
    schema: 1,
    kind: 'merge',
    method,
    params: {},
    adapters: files.map((weightsFile, index) => ({
      id: `a${index}`,
      name: `adapter ${index}`,
      contentHash: String(index).repeat(64).slice(0, 64),
      tensorHash: String(index).repeat(64).slice(0, 64),
      weightsFile,
      params: {},
    })),
    modules: moduleNames(modules).map((name) => ({
      name,
      in: size,
      out: size,
      rank: keep,
      outputA: tensorA(name),
      outputB: tensorB(name),
      sources: files.map((_, adapter) => ({
        adapter,
        a: tensorA(name),
        b: tensorB(name),
        rank,
        scaling: 2,
        coefficient: coefficients[adapter],
      })),
    })),
    output: { dtype, rank: keep === -1 ? rank * files.length : keep },
    seed: 1,
    device: 'cpu',
  }
}

/** The modules of an inspect request for an adapter of makeAdapter. */
export const inspectModules = ({ modules, rank }) =>
  moduleNames(modules).map((name) => ({ name, a: tensorA(name), b: tensorB(name), rank, scaling: 2 }))
