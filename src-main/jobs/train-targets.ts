import { sidesOf } from '../library/fit-base.ts'
import type { EvaluateModule } from '../engine/evaluate-request.ts'
import { choiceOf, flagOf, numberOf } from './adapt-params.ts'
import type { CheckedAdaptation } from './adapt-types.ts'

/** Kinds of linear layers by what the parameter "targets" says, in the order of a layer. */
const kindsOf: Readonly<Record<string, readonly string[]>> = {
  all: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  attention: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
  mlp: ['gate_proj', 'up_proj', 'down_proj'],
  qv: ['q_proj', 'v_proj'],
}

/** Names of the kinds that a fresh adapter gets updates for. */
export function targetKinds(params: CheckedAdaptation['params']): readonly string[] {
  const kinds = kindsOf[choiceOf(params, 'targets')]
  if (!kinds) throw new Error(`no kinds of modules are known for targets ${choiceOf(params, 'targets')}`)
  return kinds
}

/** Modules of a fresh adapter, layer by layer, with the names that PEFT gives their factors. */
export function targetModules({ base, params }: Pick<CheckedAdaptation, 'base' | 'params'>): readonly EvaluateModule[] {
  const rank = numberOf(params, 'rank')
  const alpha = numberOf(params, 'alpha')
  const scaling = flagOf(params, 'rsLora') ? alpha / Math.sqrt(rank) : alpha / rank
  const kinds = targetKinds(params)
  return Array.from({ length: base.layers }, (_, layer) =>
    kinds.map((kind): EvaluateModule => {
      const part = kind.startsWith('gate') || kind.startsWith('up') || kind.startsWith('down') ? 'mlp' : 'self_attn'
      const name = `model.layers.${layer}.${part}.${kind}`
      const sides = sidesOf(base, name)
      if (!sides) throw new Error(`${base.name} has no linear layer ${name}`)
      return { name, a: `base_model.model.${name}.lora_A.weight`, b: `base_model.model.${name}.lora_B.weight`, rank, ...sides, scaling }
    }),
  ).flat()
}
