import { screens, type ScreenId, type ScreenResults } from '../contract/adapter.ts'
import { isOn } from './classify-variant.ts'
import { own, type PeftConfig } from './peft-config.ts'

/** Smallest norm (excluded) and largest norm (included) that the recycling study kept. */
export const smallestNorm = 1
export const largestNorm = 1000

const switches = ['use_dora', 'layer_replication', 'lora_bias', 'corda_config', 'eva_config', 'loftq_config', 'trainable_token_indices']

/**
 * The screens of recycling-loras.md 1.2 as far as headers tell; null where only the values of the tensors do, or where nothing could be read.
 * They are facts: none of them keeps an adapter out.
 */
export function screensFromHeaders(config: PeftConfig | null, hasSafetensors: boolean, factorsPaired: boolean | null): ScreenResults {
  const fields = config?.fields ?? {}
  const known = <T>(value: T): T | null => (config === null ? null : value)
  return {
    'base-named': known(config?.baseModelName !== null),
    'safetensors-weights': hasSafetensors,
    'lora-type': known(own(fields, 'peft_type') === 'LORA'),
    'causal-lm': known(own(fields, 'task_type') === 'CAUSAL_LM'),
    'no-modules-to-save': known(!isOn(own(fields, 'modules_to_save'))),
    'no-bias': known((own(fields, 'bias') ?? 'none') === 'none'),
    'no-variant-switch': known(!switches.some((field) => isOn(own(fields, field)))),
    'no-patterns': known(!isOn(own(fields, 'rank_pattern')) && !isOn(own(fields, 'alpha_pattern'))),
    finite: null,
    'factors-paired': factorsPaired,
    'norm-in-range': null,
  }
}

/** The two screens that need values, once they have been read. */
export function screensFromValues(before: ScreenResults, finite: boolean, norm: number | null): ScreenResults {
  return { ...before, finite, 'norm-in-range': norm === null ? null : norm > smallestNorm && norm <= largestNorm }
}

/** Screens that an adapter does not pass; those not known yet are left out. */
export function failedScreens(results: ScreenResults): ScreenId[] {
  return (Object.keys(screens) as ScreenId[]).filter((id) => results[id] === false)
}
