import { join } from 'node:path'
import type { MethodId } from '../../src-main/contract/methods.ts'
import type { ParamValues } from '../../src-main/contract/params.ts'
import type { ResolvedMergeJob } from '../../src-main/contract/recipe.ts'
import { llama8bLayers, moduleNames } from './shapes.ts'

/** The resolved job that merges every benchmark adapter with alternating coefficients; keptRank -1 keeps the sum of the ranks. */
export function benchJob(
  method: MethodId,
  folders: readonly string[],
  rank: number,
  keptRank: number,
  layers = llama8bLayers,
  params: ParamValues = {},
): ResolvedMergeJob {
  return {
    schema: 1,
    kind: 'merge',
    method,
    params,
    adapters: folders.map((folder, index) => ({
      id: `bench-${index}`,
      name: `bench-${index}`,
      contentHash: `${index}`.repeat(8),
      tensorHash: `${index}`.repeat(8),
      weightsFile: join(folder, 'adapter_model.safetensors'),
      params: {},
    })),
    modules: moduleNames(layers).map((module) => {
      const prefix = `base_model.model.${module.name}`
      return {
        ...module,
        rank: keptRank,
        outputA: `${prefix}.lora_A.weight`,
        outputB: `${prefix}.lora_B.weight`,
        sources: folders.map((_, adapter) => ({
          adapter,
          a: `${prefix}.lora_A.weight`,
          b: `${prefix}.lora_B.weight`,
          rank,
          scaling: 2,
          coefficient: adapter % 2 === 0 ? 0.7 : -0.4,
        })),
      }
    }),
    output: { dtype: 'bfloat16', rank: keptRank === -1 ? rank * folders.length : keptRank },
    seed: 1,
    device: 'cpu',
  }
}
