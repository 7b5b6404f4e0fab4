/** Target modules of an 8B Llama layer: name, in, out (ENGINE.md C.2). */
export const llama8bModules: readonly { readonly name: string; readonly in: number; readonly out: number }[] = [
  { name: 'self_attn.q_proj', in: 4096, out: 4096 },
  { name: 'self_attn.k_proj', in: 4096, out: 1024 },
  { name: 'self_attn.v_proj', in: 4096, out: 1024 },
  { name: 'self_attn.o_proj', in: 4096, out: 4096 },
  { name: 'mlp.gate_proj', in: 4096, out: 14336 },
  { name: 'mlp.up_proj', in: 4096, out: 14336 },
  { name: 'mlp.down_proj', in: 14336, out: 4096 },
]
export const llama8bLayers = 32

/** The same modules with tiny sides, for benchmarks of headers alone (448 tensors in 32 layers). */
export const tinyModules = llama8bModules.map(({ name }) => ({ name, in: 32, out: 32 }))

/** Full module names of a model of `layers` layers. */
export function moduleNames(layers: number, modules = llama8bModules): { name: string; in: number; out: number }[] {
  return Array.from({ length: layers }, (_, layer) =>
    modules.map((module) => ({ ...module, name: `model.layers.${layer}.${module.name}` })),
  ).flat()
}
