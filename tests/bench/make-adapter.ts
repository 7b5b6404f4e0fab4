import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

interface Shape {
  readonly name: string
  readonly in: number
  readonly out: number
}

/** A xorshift generator: fast, seeded, good enough to fill benchmark files. */
function* noise(seed: number): Generator<number, never> {
  let state = (seed * 2654435761 + 1) >>> 0
  for (;;) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    yield state >>> 0
  }
}

/** About four million finite bf16 values around zero (exponents near 2^-7), written over and over; only speed depends on them. */
function valueBlock(seed: number, bytes: number): Buffer {
  const block = Buffer.alloc(Math.min(8 << 20, bytes))
  const source = noise(seed)
  for (let i = 0; i < block.length; i += 4) {
    const word = source.next().value
    block.writeUInt16LE((word & 0x807f) | ((((word >>> 7) & 3) + 118) << 7), i)
    block.writeUInt16LE(((word >>> 16) & 0x807f) | ((((word >>> 23) & 3) + 118) << 7), i + 2)
  }
  return block
}

/** Writes a PEFT adapter folder of bf16 factors with the given module shapes; returns the size of its weights in bytes. */
export function makeAdapter(folder: string, modules: readonly Shape[], rank: number, seed: number): number {
  mkdirSync(folder, { recursive: true })
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const module of [...modules].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const [factor, shape] of [
      ['A', [rank, module.in]],
      ['B', [module.out, rank]],
    ] as const) {
      const bytes = shape[0] * shape[1] * 2
      header[`base_model.model.${module.name}.lora_${factor}.weight`] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] }
      offset += bytes
    }
  }
  const json = Buffer.from(JSON.stringify(header))
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, 0x20)])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const file = openSync(join(folder, 'adapter_model.safetensors'), 'w')
  writeSync(file, Buffer.concat([length, padded]))
  const block = valueBlock(seed, offset)
  for (let left = offset; left > 0; left -= Math.min(left, block.length)) writeSync(file, block, 0, Math.min(left, block.length))
  closeSync(file)
  const targets = [...new Set(modules.map((module) => module.name.split('.').at(-1)))]
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: 'bench/llama-8b-shape',
    r: rank,
    lora_alpha: 2 * rank,
    target_modules: targets,
    bias: 'none',
  }
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config))
  return offset + 8 + padded.length
}
