import { adapterVariants, type AdapterVariant } from '../contract/adapter.ts'
import { errorProblem, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import { configNumber, isSet, isSpeltAsPeft, type ExtraKind, type ProfileFacts } from './check-profile-facts.ts'

/** Findings that more than one tool has; each names the tool it is about. */

/** The first names of a list, and how many more there are. */
export function someNames(names: readonly string[]): string {
  const shown = names.slice(0, 2).join(', ')
  return names.length > 2 ? `${shown} and ${names.length - 2} more` : shown
}

/** What the library itself found wrong: no loader gets past that either, but a pickle file, which only Amalgam leaves closed. */
export function ownErrors(tool: string, facts: ProfileFacts): readonly Problem[] {
  const errors = facts.problems.filter((problem) => problem.severity === 'error')
  return errors.map((problem) =>
    problem.code === 'pickle-not-opened'
      ? {
          ...problem,
          severity: 'warning',
          hint: `${tool} reads the weights of a pickle file and nothing else in it; Amalgam knows nothing of them.`,
        }
      : problem,
  )
}

/** Required fields that the config lacks. */
export function missingFields(tool: string, facts: ProfileFacts, required: readonly string[]): readonly Problem[] {
  const missing = required.filter((field) => facts.config[field] === undefined || facts.config[field] === null)
  const [first] = missing
  if (first === undefined) return []
  const message = `${tool} needs ${missing.join(' and ')} in adapter_config.json, which PEFT would fill in.`
  return [errorProblem('field-missing', message, { where: { field: first }, hint: 'The export writes every field.' })]
}

/** Factors whose names only Amalgam understands. */
export function misspeltFactors(tool: string, effect: string, facts: ProfileFacts): readonly Problem[] {
  const misspelt = facts.modules.filter((module) => !isSpeltAsPeft(module)).map((module) => module.tensorA)
  const [first] = misspelt
  if (first === undefined) return []
  const message = `${tool} ${effect}: ${someNames(misspelt)}. PEFT writes such names as base_model.model.MODULE.lora_A.weight.`
  return [
    errorProblem('tensor-names-unknown', message, {
      where: { tensor: first },
      hint: 'The exports for vLLM and llama.cpp write the usual names.',
    }),
  ]
}

/** Variants that the tool cannot load, or takes for a plain LoRA without a word. `known`: switches of the config that it does understand. */
export function misreadVariant(tool: string, facts: ProfileFacts, known: readonly string[] = []): readonly Problem[] {
  const { label, meaning } = adapterVariants[facts.variant]
  const effects: Partial<Record<AdapterVariant, string>> = {
    'changed-base': `${tool} adds the update to the unchanged base model, but ${facts.name} belongs to a changed one. ${meaning}`,
    'not-static': `${tool} takes ${facts.name} for a plain LoRA. ${meaning}`,
    experts: `${tool} may not find the modules of ${facts.name}: it has ${label}. ${meaning}`,
    other: `${tool} reads factors of linear layers and embeddings only.`,
  }
  const effect = effects[facts.variant]
  if (effect === undefined || (facts.variant === 'not-static' && known.some((field) => isSet(facts, field)))) return []
  return [errorProblem('variant-misread', effect, { hint: 'Use PEFT for this adapter; no export can turn it into a plain LoRA.' })]
}

/** Modules whose scaling the tool computes as `used` says, which is not the one the adapter was trained with; `ignored` are the fields it passes over. */
export function misscaled(
  tool: string,
  facts: ProfileFacts,
  ignored: readonly ('rank_pattern' | 'alpha_pattern' | 'use_rslora')[],
  used: (module: ProfileFacts['modules'][number]) => number,
): readonly Problem[] {
  const wrong = facts.modules.filter((module) => Math.abs(used(module) - module.scaling) > 1e-9 * module.scaling)
  const fields = ignored.filter((field) => isSet(facts, field))
  const [first] = wrong
  const [field] = fields
  // Without such a field, a scaling differs only where config and file contradict each other, which is a problem of its own.
  if (!first || !field) return []
  const scale = `${shown(used(first))} instead of ${shown(first.scaling)}`
  const message = `${tool} ignores ${fields.join(' and ')}: it scales ${first.name} by ${scale}; ${wrong.length} of ${facts.modules.length} modules come out wrong.`
  return [
    errorProblem(field === 'use_rslora' ? 'rslora-ignored' : 'patterns-ignored', message, {
      where: { field, value: shownValue(facts.config[field]) },
      hint: 'The export folds the scaling into the factors.',
    }),
  ]
}

/** alpha of the config over a rank, or over its root. */
export function globalScaling(facts: ProfileFacts, rank: number, rankStabilised: boolean): number {
  return configNumber(facts, 'lora_alpha') / (rankStabilised ? Math.sqrt(rank) : rank)
}

/** Tensors of these kinds, which make the tool stop. */
export function refusedTensors(
  tool: string,
  extras: ReadonlyMap<ExtraKind, readonly string[]>,
  kinds: readonly ExtraKind[],
): readonly Problem[] {
  const names = kinds.flatMap((kind) => extras.get(kind) ?? [])
  const [first] = names
  if (first === undefined) return []
  const message = `${tool} stops at tensors that are no factors: ${someNames(names)}.`
  return [errorProblem('extra-tensors-refused', message, { where: { tensor: first }, hint: 'The export leaves them out.' })]
}

/** Tensors of one kind, which the tool passes over. */
export function ignoredTensors(message: string, names: readonly string[] | undefined): readonly Problem[] {
  const first = names?.[0]
  if (names === undefined || first === undefined) return []
  return [warningProblem('extra-tensors-ignored', `${message}: ${someNames(names)}.`, { where: { tensor: first } })]
}

function shown(value: number): string {
  return String(Number(value.toPrecision(4)))
}
