import { exportProfiles, type ExportProfile } from '../contract/export-profiles.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import { vllmRanks } from '../contract/recipe.ts'
import { configNumber, extrasByKind, isEmbeddingFactor, isSet, largestRank, type ProfileFacts } from './check-profile-facts.ts'
import {
  globalScaling,
  ignoredTensors,
  misreadVariant,
  missingFields,
  misscaled,
  misspeltFactors,
  ownErrors,
  refusedTensors,
  someNames,
} from './check-profile-words.ts'

/** Largest rank that vLLM takes unless it is started with another --max-lora-rank. */
export const vllmDefaultRank = 16

/**
 * What a tool would say of an adapter, or fail to say (merge-methods.md 1.5 and 1.9). An error: the tool refuses it, or loads it and computes another
 * update than it was trained with. A warning: something is ignored that does not belong to the update, or loading has a condition.
 */
export function checkProfile(facts: ProfileFacts, profile: ExportProfile): readonly Problem[] {
  return { peft: checkPeft, vllm: checkVllm, llamacpp: checkLlamacpp }[profile](facts)
}

/** PEFT forgives nearly everything (1.5): what it passes over is said here. */
function checkPeft(facts: ProfileFacts): readonly Problem[] {
  const extras = extrasByKind(facts)
  const hints: Readonly<Record<string, string>> = {
    'targets-disagree': 'PEFT loads only what target_modules names, and leaves named modules that the file lacks untrained.',
    'pattern-ambiguous': 'PEFT takes the first entry of the file; saving sorts them, so the adapter may have been trained with the other.',
    'pattern-unmatched': 'PEFT says so in a warning and goes on.',
  }
  return [
    ...ownErrors(label('peft'), facts).map((problem) =>
      problem.code === 'tensor-missing'
        ? {
            ...problem,
            severity: 'warning' as const,
            hint: 'PEFT only warns and leaves the missing factors as they start: the module does nothing.',
          }
        : problem,
    ),
    ...misspeltFactors(label('peft'), 'passes over factors with other names, and their modules do nothing', facts),
    ...facts.problems.flatMap((problem) => {
      const hint = hints[problem.code]
      return hint === undefined ? [] : [{ ...problem, hint }]
    }),
    ...ignoredTensors('PEFT passes without a word over tensors whose names it does not know', extras.get('other')),
  ]
}

/** vLLM reads r, lora_alpha, target_modules, bias, modules_to_save, use_rslora and use_dora, and one scale for all modules. */
function checkVllm(facts: ProfileFacts): readonly Problem[] {
  const tool = label('vllm')
  const extras = extrasByKind(facts)
  const dora = isSet(facts, 'use_dora') || extras.has('magnitude')
  const bias = isSet(facts, 'bias') || isSet(facts, 'lora_bias') || extras.has('bias')
  const saved = isSet(facts, 'modules_to_save')
  const scale = globalScaling(facts, configNumber(facts, 'r'), isSet(facts, 'use_rslora'))
  const embeddings = facts.modules.filter((module) => isEmbeddingFactor(module.tensorA) || module.moduleKind === 'lm_head')
  return [
    ...ownErrors(tool, facts),
    ...missingFields(tool, facts, ['r', 'lora_alpha', 'target_modules']),
    ...(dora ? [refused('dora-not-read', `${tool} refuses DoRA.`, 'use_dora')] : []),
    ...(saved ? [refused('modules-to-save-refused', `${tool} refuses modules that are saved in full.`, 'modules_to_save')] : []),
    ...(bias ? [refused('bias-refused', `${tool} refuses trained biases.`, 'bias')] : []),
    ...refusedTensors(tool, extras, ['norm', 'other', ...(saved ? [] : (['saved-module'] as const))]),
    ...misspeltFactors(tool, 'refuses factors with other names', facts),
    ...misreadVariant(tool, facts),
    ...misscaled(tool, facts, ['rank_pattern', 'alpha_pattern'], () => scale),
    ...vllmRank(Math.max(largestRank(facts), facts.modules.length > 0 ? configNumber(facts, 'r') : 0)),
    ...(embeddings.length > 0
      ? [
          embeddingLimits(
            tool,
            embeddings.map((module) => module.name),
          ),
        ]
      : []),
    ...ignoredTensors('Newer versions of vLLM pass over copies of base layers, older ones refuse them', extras.get('base-layer')),
  ]
}

/** convert_lora_to_gguf reads lora_alpha as the one scale, ranks from the factors, and wants nothing else in the file. */
function checkLlamacpp(facts: ProfileFacts): readonly Problem[] {
  const tool = label('llamacpp')
  const extras = extrasByKind(facts)
  const dora = isSet(facts, 'use_dora') && !extras.has('magnitude')
  const heads = facts.modules.filter((module) => module.moduleKind === 'lm_head').map((module) => module.name)
  return [
    ...ownErrors(tool, facts),
    ...missingFields(tool, facts, ['lora_alpha']),
    ...(dora ? [refused('dora-not-read', `${tool} takes DoRA for a plain LoRA.`, 'use_dora')] : []),
    ...refusedTensors(tool, extras, ['magnitude', 'bias', 'saved-module', 'other']),
    ...misspeltFactors(tool, 'stops at factors with other names', facts),
    ...misreadVariant(tool, facts, ['alora_invocation_tokens']),
    ...misscaled(tool, facts, ['alpha_pattern', 'use_rslora'], (module) => globalScaling(facts, module.rank, false)),
    ...(heads.length > 0 ? [tiedHead(tool, heads)] : []),
    ...ignoredTensors('The converter writes norms, and llama.cpp passes over them when it loads the adapter', extras.get('norm')),
    ...ignoredTensors('The converter passes over copies of base layers', extras.get('base-layer')),
  ]
}

function label(profile: ExportProfile): string {
  return exportProfiles[profile].label
}

function refused(code: 'dora-not-read' | 'modules-to-save-refused' | 'bias-refused', message: string, field: string): Problem {
  const hint = code === 'dora-not-read' ? 'Use PEFT for this adapter: DoRA is no low-rank update.' : 'The export leaves them out.'
  return errorProblem(code, message, { where: { field }, hint })
}

function vllmRank(rank: number): readonly Problem[] {
  const largest = Math.max(...vllmRanks)
  const where = { field: 'r', value: String(rank) }
  const allowed = vllmRanks.map(String)
  if (rank > largest) {
    const hint = `Cut it first: merge it alone with linear and output.rank of at most ${largest}.`
    return [errorProblem('rank-above-limit', `The rank is ${rank}, but vLLM takes at most ${largest}.`, { where, allowed, hint })]
  }
  if (rank <= vllmDefaultRank) return []
  const needed = vllmRanks.find((limit) => limit >= rank)
  const message = `The rank is ${rank}, but vLLM takes at most ${vllmDefaultRank} unless it is started with --max-lora-rank ${needed}.`
  return [warningProblem('rank-above-limit', message, { where, allowed, hint: `Start vLLM with --max-lora-rank ${needed}.` })]
}

function embeddingLimits(tool: string, modules: readonly string[]): Problem {
  const message = `${tool} loads ${someNames(modules)} only where the vocabulary is that of the base model, and support for it is being withdrawn.`
  return warningProblem('embedding-limits', message, { where: { field: 'target_modules', value: modules[0] ?? '' } })
}

function tiedHead(tool: string, modules: readonly string[]): Problem {
  return warningProblem(
    'tied-head-fails',
    `${tool} fails on ${modules.join(', ')} where the base model ties its output to the embeddings.`,
    {
      where: { field: 'target_modules', value: 'lm_head' },
      hint: 'Look for tie_word_embeddings in the base model’s config.json.',
    },
  )
}
