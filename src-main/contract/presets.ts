import type { ParamValues } from './params.ts'
import type { SelectionId } from './selection.ts'
import type { Arm } from './tuners.ts'

/** Settings known from a paper or from practice, and how they differ from the original. */
export interface PresetEntry {
  readonly id: string
  readonly arm: Arm
  readonly label: string
  readonly reference: string
  /** In what it is not what the original did; empty where it is. */
  readonly differs: readonly string[]
  /** Parameters that are not at their defaults. */
  readonly values: ParamValues & { readonly selection?: SelectionId }
  /** Searches: the merge method whose coefficients are searched, "concat" (the exact sum) when absent. */
  readonly method?: string
}

/** Every preset, in reading order; the first of an arm is the default. */
export const presets = [
  {
    id: 'recycling_2026',
    arm: 'tune',
    label: 'Recycling (2026)',
    reference: 'Recycling LoRAs with adaptive merging (arXiv 2602.12323), "Ours"',
    differs: [
      'Adapters are scored on the training examples only; the study scored training and validation examples together.',
      'Coefficients and the optimiser’s state are kept in float32, not in bfloat16.',
      'Step 0, the base model unchanged, competes for the least validation loss.',
      'Rank-stabilised adapters are scaled by alpha / √r; the release used alpha / r for them.',
    ],
    values: { selection: 'evaluation', k: 30 },
  },
  {
    id: 'recycling_2026_demo',
    arm: 'tune',
    label: 'Recycling (2026), K = 10',
    reference: 'As above with fewer adapters, for small pools',
    differs: ['K is 10, which the study also reports.'],
    values: { selection: 'evaluation', k: 10 },
  },
  {
    id: 'adamerging',
    arm: 'tune',
    label: 'AdaMerging',
    reference: 'Yang et al. 2024, AdaMerging (arXiv 2310.02575), layer-wise',
    differs: [
      'Merges low-rank adapters; the original merges full fine-tuned models.',
      'The entropy is that of the token after the prompt, on the training inputs without their answers; the original takes test inputs of all tasks.',
      'Coefficients are not clamped to 0 to 1.',
      'AdamW without decay instead of Adam; one task instead of all.',
    ],
    values: {
      selection: 'random',
      k: 10,
      activation: 'identity',
      start: 'constant',
      startValue: 0.3,
      learningRate: 0.001,
      steps: 500,
      batch: 16,
      schedule: 'constant',
      warmup: 0,
      objective: 'entropy',
    },
  },
  {
    id: 'adamerging_supervised',
    arm: 'tune',
    label: 'AdaMerging, supervised',
    reference: 'As run in Recycling LoRAs with adaptive merging: per module, identity, start 1/√K, the answers’ cross-entropy',
    differs: ['Step 0 competes; state in float32.'],
    values: { selection: 'random', k: 30, activation: 'identity', start: 'equal' },
  },
  {
    id: 'pi_tuning',
    arm: 'tune',
    label: 'π-Tuning',
    reference: 'Wu et al. 2023, π-Tuning (arXiv 2304.14381), as run in Recycling LoRAs with adaptive merging',
    differs: [
      'Neighbours by the quasi-Fisher similarity of the updates; the original embeds tasks by their Fisher information on the source data.',
      'Needs your own LoRA as the query; without one choose another selection strategy.',
      '100 steps instead of 5 epochs.',
    ],
    values: {
      selection: 'quasi_fisher',
      k: 20,
      ownFirst: true,
      activation: 'softmax',
      start: 'constant',
      startValue: 1,
      learningRate: 0.0001,
      trainAdapters: true,
      adapterLearningRate: 0.0001,
    },
  },
  {
    id: 'lora_soups_cat',
    arm: 'tune',
    label: 'LoRA Soups CAT',
    reference: 'Prabhakar et al. 2025, LoRA Soups (arXiv 2410.13025)',
    differs: [
      'The start is normal with deviation 0.5; the released code draws with deviation 1.',
      'Warm-up is a share of the steps instead of 100 steps, and steps are counted instead of one epoch.',
      'The base model is not quantised.',
    ],
    values: {
      selection: 'manual',
      k: 1000,
      activation: 'softmax',
      start: 'normal',
      learningRate: 0.0001,
      steps: 200,
      batch: 10,
      schedule: 'linear',
    },
  },
  {
    id: 'tara',
    arm: 'tune',
    label: 'TARA',
    reference: 'TARA-Merging 2026 (arXiv 2603.26299), variant A: one coefficient per rank direction',
    differs: [
      'Groups are the labels of the one task; the original has one group for each of several tasks.',
      'All groups have preference 1, and the baseline is the entropy at the start.',
    ],
    values: {
      selection: 'manual',
      k: 1000,
      granularity: 'unit',
      activation: 'identity',
      start: 'constant',
      startValue: 0.4,
      learningRate: 0.001,
      steps: 200,
      batch: 16,
      schedule: 'constant',
      warmup: 0,
      objective: 'tchebycheff',
    },
  },
  {
    id: 'lorahub',
    arm: 'search',
    label: 'LoraHub',
    reference: 'Huang et al. 2023, LoraHub (arXiv 2307.13269)',
    differs: [
      'CMA-ES instead of NGOpt of Nevergrad.',
      'Unlike ranks are padded with zeros, and scalings are folded in; the original needs equal ranks and modules.',
    ],
    method: 'lorahub',
    values: { selection: 'random', k: 20, trials: 40, judgedOn: 'train+validation' },
  },
  {
    id: 'lorahub_product',
    arm: 'search',
    label: 'LoraHub, exact products',
    reference: 'The same search over the exact sum Σ wᵢ ΔWᵢ: no cross terms, any ranks and modules',
    differs: ['The sum of the updates instead of the product of summed factors.', 'CMA-ES instead of NGOpt.'],
    method: 'concat',
    values: { selection: 'random', k: 20, trials: 100, judgedOn: 'train+validation' },
  },
  {
    id: 'small_model_lora',
    arm: 'train',
    label: 'LoRA, small model',
    reference: 'For models of some million parameters',
    differs: [],
    values: {},
  },
  {
    id: 'recycling_lora',
    arm: 'train',
    label: 'LoRA as in Recycling (2026)',
    reference: 'Recycling LoRAs with adaptive merging (arXiv 2602.12323), the target-task LoRA',
    differs: ['Step 0 competes; the original clips gradients at 1 as its trainer does by default.'],
    values: { rank: 64, alpha: 16, dropout: 0.1, learningRate: 0.0003, steps: 400 },
  },
  {
    id: 'lora_plus',
    arm: 'train',
    label: 'LoRA+',
    reference: 'Hayou et al. 2024, LoRA+ (arXiv 2402.12354)',
    differs: ['On the small-model settings.'],
    values: { bRatio: 16, learningRate: 0.0005 },
  },
  {
    id: 'lori_d',
    arm: 'train',
    label: 'LoRI-D',
    reference: 'Zhang et al. 2025, LoRI (arXiv 2504.07448)',
    differs: ['Loss is the mean over answer tokens instead of their sum per example.', 'Steps are counted instead of epochs.'],
    values: {
      variant: 'lori_d',
      rank: 32,
      alpha: 64,
      dropout: 0,
      learningRate: 0.0005,
      steps: 400,
      schedule: 'constant',
      warmup: 0,
      clipEach: true,
    },
  },
  {
    id: 'lori_s',
    arm: 'train',
    label: 'LoRI-S',
    reference: 'Zhang et al. 2025, LoRI (arXiv 2504.07448), 90 % of B zero',
    differs: ['Loss is the mean over answer tokens instead of their sum per example.', 'Steps are counted instead of epochs.'],
    values: {
      variant: 'lori_s',
      rank: 32,
      alpha: 64,
      dropout: 0,
      learningRate: 0.0005,
      steps: 400,
      schedule: 'constant',
      warmup: 0,
      clipEach: true,
    },
  },
] as const satisfies readonly PresetEntry[]

export type PresetId = (typeof presets)[number]['id']

/** The preset of that id, or undefined. */
export function findPreset(id: string): PresetEntry | undefined {
  return presets.find((preset) => preset.id === id)
}
