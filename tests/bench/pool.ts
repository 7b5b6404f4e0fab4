import { join } from 'node:path'
import type { EvaluateAdapter, EvaluateItem } from '../../src-main/engine/evaluate-request.ts'
import { makeAdapter } from './make-adapter.ts'
import { linearModules, type LlamaSizes } from './make-checkpoint.ts'

/** Examples of a task for each subject: short, so that one subject alone does not fill a pass. */
const examples = 8
const exampleTokens = 32

/** The examples of a task of an evaluation, whose last four tokens are judged. */
export function makeItems(vocabulary: number): readonly EvaluateItem[] {
  const token = (example: number, place: number) => (example * 7919 + place * 104_729 + 3) % vocabulary
  return Array.from({ length: examples }, (_, example) => {
    const tokens = Array.from({ length: exampleTokens + 1 }, (__, place) => token(example, place))
    return { prompt: tokens.slice(0, exampleTokens - 4), ask: { kind: 'loss', answer: tokens.slice(exampleTokens - 4) } }
  })
}

/** Writes random adapters of all linear layers into `scratch`. */
export function makePool(scratch: string, sizes: LlamaSizes, adapters: number, rank: number): readonly EvaluateAdapter[] {
  const modules = linearModules(sizes)
  return Array.from({ length: adapters }, (_, index) => {
    const folder = join(scratch, `adapter-${index}`)
    makeAdapter(folder, modules, rank, index + 1)
    return {
      name: `adapter-${index}`,
      weightsFile: join(folder, 'adapter_model.safetensors'),
      modules: modules.map((module) => {
        const prefix = `base_model.model.${module.name}`
        return { ...module, a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight`, rank, scaling: 2 }
      }),
    }
  })
}
