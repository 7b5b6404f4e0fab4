import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import { isOn } from './classify-variant.ts'
import type { ModuleScale } from './module-scales.ts'
import type { FactorPair, PairedFactors } from './pair-factors.ts'
import type { HeaderTensor } from './parse-header.ts'

/**
 * An error when the config gives a module another rank than its factors have: the scaling would not be known (merge-methods.md 1.4).
 * Factors of experts are stacked, so that a multiple of the config's rank is right there.
 */
export function checkRanks(pairs: readonly FactorPair[], scales: readonly ModuleScale[], experts: boolean): Problem | null {
  const wrong = pairs.flatMap((pair, index) => {
    const { rank } = scales[index]!
    return pair.rank === rank || (experts && pair.rank % rank === 0) ? [] : [{ pair, rank }]
  })
  const [first] = wrong
  if (!first) return null
  const rest = wrong.length === 1 ? '' : ` The same holds for ${wrong.length - 1} more module${wrong.length === 2 ? '' : 's'}.`
  const message = `The config gives ${first.pair.module} rank ${first.rank}, but its factors in the file have rank ${first.pair.rank}.${rest}`
  return errorProblem('rank-mismatch', message, {
    where: { tensor: first.pair.tensorA, field: 'r', value: String(first.rank) },
    hint: 'The scaling is alpha / rank, so it is not known which one was meant. Find the config that belongs to these weights.',
  })
}

/** An error when the file holds no factor at all; null when it does, or when what is wrong with them is said already. */
export function nothingPaired(factors: PairedFactors, tensors: readonly HeaderTensor[]): Problem | null {
  if (factors.pairs.length + factors.convolutions.length + factors.problems.length > 0) return null
  const kohya = tensors.find((tensor) => /\.lora_(down|up)\.weight$/.test(tensor.name))
  const detail = kohya
    ? { where: { tensor: kohya.name }, hint: 'The names are those of kohya and its kin. Convert the file to the PEFT layout first.' }
    : { hint: 'Names must end in lora_A.weight and lora_B.weight, as PEFT writes them.' }
  return errorProblem('not-a-lora', `None of the ${tensors.length} tensors in the file is named as a factor of a LoRA.`, detail)
}

const knownSwitches = new Set([
  ...['use_rslora', 'use_dora', 'use_qalora', 'use_bdlora', 'loftq_config', 'eva_config', 'corda_config', 'lora_ga_config'],
  ...['megatron_config', 'runtime_config', 'arrow_config', 'kasa_config', 'velora_config', 'monteclora_config', 'peft_config'],
])

/** Warnings for switches that are set and that this version does not know: newer ones may change what the update means. */
export function checkSwitches(fields: Readonly<Record<string, unknown>>): Problem[] {
  return Object.entries(fields)
    .filter(([name, value]) => (name.startsWith('use_') || name.endsWith('_config')) && !knownSwitches.has(name) && isOn(value))
    .slice(0, 5)
    .map(([name]) =>
      warningProblem('unknown-field', `adapter_config.json sets ${name.slice(0, 60)}, which this version of Amalgam does not know.`, {
        where: { field: name.slice(0, 60) },
        hint: 'The update is read as a plain low-rank one. Check what the setting does before you trust a merge of it.',
      }),
    )
}
