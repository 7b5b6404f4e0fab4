import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Sizes of a Llama. */
export interface LlamaSizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly intermediate: number
  readonly layers: number
  readonly heads: number
}

/** The model of the engine's benchmarks: 134 million parameters, of which 110 million do matrix products. */
export const llama125m: LlamaSizes = { vocabulary: 32_000, hidden: 768, intermediate: 2048, layers: 12, heads: 12 }

/** The linear layers of a Llama without shared keys, with the sides that an adapter meets. */
export function linearModules(sizes: LlamaSizes): readonly { readonly name: string; readonly in: number; readonly out: number }[] {
  const { hidden, intermediate, layers } = sizes
  return Array.from({ length: layers }, (_, layer) =>
    [
      { name: 'self_attn.q_proj', in: hidden, out: hidden },
      { name: 'self_attn.k_proj', in: hidden, out: hidden },
      { name: 'self_attn.v_proj', in: hidden, out: hidden },
      { name: 'self_attn.o_proj', in: hidden, out: hidden },
      { name: 'mlp.gate_proj', in: hidden, out: intermediate },
      { name: 'mlp.up_proj', in: hidden, out: intermediate },
      { name: 'mlp.down_proj', in: intermediate, out: hidden },
    ].map((module) => ({ ...module, name: `model.layers.${layer}.${module.name}` })),
  ).flat()
}

/** About a million floats around zero, small enough that no logit overflows, written over and over. */
function valueBlock(): Buffer {
  const values = new Float32Array(1 << 20)
  let state = 2463534242
  for (let i = 0; i < values.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    values[i] = state / 2 ** 31 / 30
  }
  return Buffer.from(values.buffer)
}

/** Writes a checkpoint folder with random f32 weights in one file; returns the path of that file. */
export function makeCheckpoint(folder: string, sizes: LlamaSizes): string {
  mkdirSync(folder, { recursive: true })
  const { vocabulary, hidden, intermediate, layers, heads } = sizes
  const config = {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_act: 'silu',
    vocab_size: vocabulary,
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    head_dim: hidden / heads,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: false,
    eos_token_id: 2,
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const norms = Array.from({ length: layers }, (_, layer) => [
    `model.layers.${layer}.input_layernorm.weight`,
    `model.layers.${layer}.post_attention_layernorm.weight`,
  ]).flat()
  const tensors: readonly (readonly [name: string, shape: readonly number[]])[] = [
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ...linearModules(sizes).map((module) => [`${module.name}.weight`, [module.out, module.in]] as const),
    ...[...norms, 'model.norm.weight'].map((name) => [name, [hidden]] as const),
    ['lm_head.weight', [vocabulary, hidden]],
  ]
  let offset = 0
  const header = Object.fromEntries(
    tensors.map(([name, shape]) => {
      const begin = offset
      offset += 4 * shape.reduce((product, side) => product * side, 1)
      return [name, { dtype: 'F32', shape, data_offsets: [begin, offset] }]
    }),
  )
  const json = Buffer.from(JSON.stringify(header))
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, 0x20)])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const path = join(folder, 'model.safetensors')
  const file = openSync(path, 'w')
  writeSync(file, Buffer.concat([length, padded]))
  const block = valueBlock()
  for (let left = offset; left > 0; left -= Math.min(left, block.length)) writeSync(file, block, 0, Math.min(left, block.length))
  closeSync(file)
  return path
}
