import type { AdapterVariant } from '../contract/adapter.ts'
import type { PairedFactors } from './pair-factors.ts'
import { own } from './peft-config.ts'

/** The class of an adapter as its config and the names of its tensors show it, and for all but plain ones what it was told by. */
export interface Classified {
  readonly variant: AdapterVariant
  readonly reason: string | null
}

/** Ways to initialise that take their factors out of the base model, which is changed by it (merge-methods.md 1.7). */
const changedBaseStarts = ['pissa', 'olora', 'corda', 'lora_ga', 'loftq', 'milora']
/** Fields that switch to an update that is not one fixed matrix for each module. */
const nonStaticFields = [
  'use_qalora',
  'use_bdlora',
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'velora_config',
  'monteclora_config',
]

/** Classifies by the first rule that fits; the order is from what changes the update most. */
export function classifyVariant(fields: Readonly<Record<string, unknown>>, factors: PairedFactors): Classified {
  const has = (part: 'magnitude' | 'bias-of-b') => factors.others.some((other) => other.part === part)
  if (isOn(own(fields, 'use_dora'))) return { variant: 'dora', reason: 'use_dora is set' }
  if (has('magnitude')) return { variant: 'dora', reason: 'the file holds magnitude vectors' }
  if (isOn(own(fields, 'lora_bias'))) return { variant: 'lora-bias', reason: 'lora_bias is set' }
  if (has('bias-of-b')) return { variant: 'lora-bias', reason: 'the file holds biases of lora_B' }
  if (isOn(own(fields, 'layer_replication')))
    return { variant: 'changed-base', reason: 'layer_replication repeats layers of the base model' }
  const start = own(fields, 'init_lora_weights')
  if (typeof start === 'string' && changedBaseStarts.some((name) => start.toLowerCase().startsWith(name)))
    return { variant: 'changed-base', reason: `init_lora_weights is "${start.slice(0, 40)}"` }
  const switched = nonStaticFields.find((field) => isOn(own(fields, field)))
  if (switched !== undefined) return { variant: 'not-static', reason: `${switched} is set` }
  if (isOn(own(fields, 'target_parameters'))) return { variant: 'experts', reason: 'target_parameters is set' }
  if (factors.convolutions.length > 0) return { variant: 'other', reason: `${factors.convolutions[0]} is a convolution` }
  if (factors.others.length > 0) return { variant: 'extras', reason: null }
  if (isOn(own(fields, 'modules_to_save'))) return { variant: 'extras', reason: null }
  return { variant: 'plain', reason: null }
}

/** True for a switch that is set: not missing, null, false, or an empty list or object. */
export function isOn(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
