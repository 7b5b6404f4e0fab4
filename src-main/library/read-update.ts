import { adapterVariants, type AdapterModule, type AdapterVariant } from '../contract/adapter.ts'
import { warningProblem, type Problem } from '../contract/problems.ts'
import type { IgnoredTensor } from './adapter-facts.ts'
import { checkRanks, checkSwitches, nothingPaired } from './check-config.ts'
import { checkShapes } from './check-shapes.ts'
import { checkTargets } from './check-targets.ts'
import { classifyVariant, isOn, type Classified } from './classify-variant.ts'
import { checkIgnored, listIgnored } from './extra-tensors.ts'
import { scalesOf, scalingOf, type ModuleScale } from './module-scales.ts'
import { pairFactors, type FactorPair } from './pair-factors.ts'
import type { HeaderTensor } from './parse-header.ts'
import { stepsPerAdapter } from './pattern-match.ts'
import { own, type PeftConfig } from './peft-config.ts'

/** What the names, shapes and types of the tensors tell together with the config; problems carry no path yet. */
export interface UpdateFacts {
  readonly variant: AdapterVariant
  readonly modules: readonly AdapterModule[]
  readonly ignoredTensors: readonly IgnoredTensor[]
  readonly factorsPaired: boolean
  readonly inWeights: readonly Problem[]
  readonly inConfig: readonly Problem[]
}

/** Fields of the config that readUpdate does not look at, and that differ between adapters of one kind. */
const besideTheUpdate = new Set(['base_model_name_or_path', 'inference_mode', 'lora_dropout', 'revision', 'peft_version', 'task_type'])

/** Two configs with the same key give the same facts with the same tensors. */
export function updateKey(config: PeftConfig): string {
  return JSON.stringify(Object.entries(config.fields).filter(([name]) => !besideTheUpdate.has(name)))
}

/** Pairs the factors, gives each module its scaling, and checks what can be checked without values. */
export function readUpdate(config: PeftConfig, tensors: readonly HeaderTensor[]): UpdateFacts {
  const experts = isOn(own(config.fields, 'target_parameters'))
  const factors = pairFactors(tensors, experts)
  const budget = { steps: stepsPerAdapter }
  const names = factors.pairs.map((pair) => pair.module)
  const { scales, problems } = scalesOf(config, names, budget)
  const classified = classifyVariant(config.fields, factors)
  const ignoredTensors = listIgnored(factors.others, config.fields)
  return {
    variant: factors.pairs.length + factors.convolutions.length === 0 ? 'other' : classified.variant,
    modules: factors.pairs.map((pair, index) => moduleOf(pair, scales[index]!, config.useRslora, experts)),
    ignoredTensors,
    factorsPaired: factors.problems.length === 0 && factors.pairs.length > 0,
    inWeights: present([
      ...factors.problems,
      nothingPaired(factors, tensors),
      checkShapes(factors.pairs),
      checkIgnored(factors.others, ignoredTensors),
    ]),
    inConfig: present([
      ...problems,
      checkRanks(factors.pairs, scales, experts),
      ...checkSwitches(config.fields),
      experts ? null : checkTargets(config.targetModules, [...names, ...factors.convolutions], budget),
      notMergeable(classified),
    ]),
  }
}

function moduleOf(pair: FactorPair, { rank, alpha }: ModuleScale, useRslora: boolean, experts: boolean): AdapterModule {
  return {
    name: pair.module,
    layer: pair.layer,
    moduleKind: pair.moduleKind,
    in: pair.in,
    out: pair.out,
    rank: pair.rank,
    alpha,
    // Rows of expert factors are stacked, so that their rank is the config's.
    scaling: scalingOf(alpha, experts ? rank : pair.rank, useRslora),
    dtype: pair.dtype,
    tensorA: pair.tensorA,
    tensorB: pair.tensorB,
    norm: null,
  }
}

function notMergeable({ variant, reason }: Classified): Problem | null {
  const { label, mergeable, meaning } = adapterVariants[variant]
  if (mergeable) return null
  return warningProblem('variant-not-plain', `This is ${label}: ${reason}. ${meaning}`, {
    hint: 'It is catalogued, but merging refuses it.',
  })
}

function present(problems: readonly (Problem | null)[]): readonly Problem[] {
  return problems.filter((problem) => problem !== null)
}
