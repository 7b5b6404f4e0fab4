import type { ParamSpec, ParamValues } from './params.ts'
import type { SelectionId } from './selection.ts'
import { selections } from './selection.ts'

/** What a person can do in Adapt: choose adapters, tune coefficients by gradient, search without gradients, train a fresh LoRA. */
export const arms = ['select', 'tune', 'search', 'train'] as const
export type Arm = (typeof arms)[number]

/** An arm: words and parameters. Forms, checks, command line and help follow from it. */
export interface TunerEntry {
  readonly id: Arm
  readonly label: string
  readonly summary: string
  /** In order of importance; those of `basic` are shown at once. */
  readonly params: readonly ParamSpec[]
  readonly basic: readonly string[]
}

const selectionParams = [
  {
    kind: 'choice',
    id: 'selection',
    label: 'Selection strategy',
    help: 'How adapters are chosen from the pool.',
    per: 'recipe',
    default: 'evaluation',
    options: selections.map(({ id, label, help }) => ({ id, label, help })),
  },
  {
    kind: 'integer',
    id: 'k',
    label: 'Adapters (K)',
    help: 'How many adapters are merged, your own LoRA counted when it is put first; a smaller pool is used whole.',
    per: 'recipe',
    default: 10,
    min: 1,
    max: 1000,
    step: 1,
  },
  {
    kind: 'flag',
    id: 'ownFirst',
    label: 'Put my own LoRA first',
    help: 'Your own LoRA for this task takes the first place and counts as one of the K.',
    per: 'recipe',
    default: false,
  },
  {
    kind: 'integer',
    id: 'skip',
    label: 'Leave out the best',
    help: 'So many of the best adapters are left out, for seeing what relevance is worth.',
    per: 'recipe',
    default: 0,
    min: 0,
    max: 1000,
    step: 1,
  },
] as const satisfies readonly ParamSpec[]

const outputParams = [
  {
    kind: 'integer',
    id: 'outputRank',
    label: 'Rank of the result',
    help: '0 keeps the exact sum, whose rank is the sum of the ranks; another number cuts to that rank, and the kept energy and the metric after the cut are measured.',
    per: 'recipe',
    default: 0,
    min: 0,
    max: 4096,
    step: 8,
  },
  {
    kind: 'integer',
    id: 'maxTokens',
    label: 'Longest example',
    help: 'Examples of more tokens, prompt and answer together, are left out and counted.',
    per: 'recipe',
    default: 2048,
    min: 8,
    max: 131072,
    step: 256,
  },
] as const satisfies readonly ParamSpec[]

function stepParams(defaults: { readonly rate: number; readonly steps: number; readonly batch: number }) {
  return [
    {
      kind: 'number',
      id: 'learningRate',
      label: 'Learning rate',
      help: 'Step length of AdamW at its height; larger learns faster and diverges sooner.',
      per: 'recipe',
      default: defaults.rate,
      min: 0,
      max: 100,
    },
    {
      kind: 'integer',
      id: 'steps',
      label: 'Steps',
      help: 'Optimiser steps.',
      per: 'recipe',
      default: defaults.steps,
      min: 1,
      max: 1_000_000,
      step: 10,
    },
    {
      kind: 'integer',
      id: 'batch',
      label: 'Batch',
      help: 'Examples that run at once.',
      per: 'recipe',
      default: defaults.batch,
      min: 1,
      max: 4096,
      step: 1,
    },
    {
      kind: 'integer',
      id: 'accumulation',
      label: 'Accumulation',
      help: 'Batches whose gradients are added up before a step: saves memory, costs nothing in exactness. Examples per step are batch times accumulation.',
      per: 'recipe',
      default: 1,
      min: 1,
      max: 4096,
      step: 1,
    },
    {
      kind: 'choice',
      id: 'schedule',
      label: 'Schedule',
      help: 'How the learning rate goes on after the warm-up.',
      per: 'recipe',
      default: 'cosine',
      options: [
        { id: 'cosine', label: 'cosine to 0' },
        { id: 'linear', label: 'linear to 0' },
        { id: 'constant', label: 'constant' },
      ],
    },
    {
      kind: 'number',
      id: 'warmup',
      label: 'Warm-up',
      help: 'Share of the steps in which the learning rate rises from 0.',
      per: 'recipe',
      default: 0.1,
      min: 0,
      max: 1,
      step: 0.05,
    },
    {
      kind: 'number',
      id: 'weightDecay',
      label: 'Weight decay',
      help: 'Decoupled decay of AdamW.',
      per: 'recipe',
      default: 0,
      min: 0,
      max: 10,
      step: 0.01,
    },
    {
      kind: 'integer',
      id: 'validateEvery',
      label: 'Look every',
      help: 'Steps between two measurements of the validation loss. Step 0, changing nothing, is always one of the candidates.',
      per: 'recipe',
      default: 10,
      min: 1,
      max: 100000,
      step: 1,
    },
    {
      kind: 'choice',
      id: 'choose',
      label: 'Keep',
      help: 'Which step is kept.',
      per: 'recipe',
      default: 'validation',
      options: [
        { id: 'validation', label: 'the least validation loss' },
        { id: 'last', label: 'the last' },
      ],
    },
  ] as const satisfies readonly ParamSpec[]
}

/** Every arm. The only place where their parameters and defaults stand. */
export const tuners = [
  {
    id: 'select',
    label: 'Select',
    summary: 'Ranks the pool for a task and shows which adapters would be merged; nothing is made.',
    basic: ['selection', 'k'],
    params: [...selectionParams, outputParams[1]],
  },
  {
    id: 'tune',
    label: 'Merge and tune',
    summary:
      'Chooses adapters from the pool, freezes them, and learns one coefficient for each adapter and module (or finer, or coarser) by gradient.',
    basic: ['selection', 'k', 'ownFirst', 'granularity', 'activation', 'learningRate', 'steps'],
    params: [
      ...selectionParams,
      {
        kind: 'choice',
        id: 'granularity',
        label: 'Granularity',
        help: 'What shares one coefficient.',
        per: 'recipe',
        default: 'module',
        options: [
          { id: 'adapter', label: 'adapter', help: 'One for each adapter.' },
          { id: 'layer', label: 'layer', help: 'One for each adapter and layer.' },
          { id: 'sublayer', label: 'sublayer', help: 'One for each adapter and attention or MLP.' },
          { id: 'module', label: 'module', help: 'One for each adapter and target module.' },
          { id: 'unit', label: 'rank unit', help: 'One for each row of A with its column of B.' },
        ],
      },
      {
        kind: 'choice',
        id: 'activation',
        label: 'Activation',
        help: 'What makes a coefficient of the number that is learned.',
        per: 'recipe',
        default: 'leaky_relu',
        options: [
          { id: 'identity', label: 'identity', help: 'c = w' },
          { id: 'square', label: 'square', help: 'c = w²' },
          { id: 'softmax', label: 'softmax', help: 'Over the adapters of a module; the coefficients add up to 1.' },
          { id: 'sigmoid', label: 'sigmoid', help: 'c between 0 and 1' },
          { id: 'leaky_relu', label: 'leaky ReLU', help: 'c = w above 0, 0.01 w at and below it' },
        ],
      },
      {
        kind: 'choice',
        id: 'start',
        label: 'Start',
        help: 'What the numbers begin with.',
        per: 'recipe',
        default: 'constant',
        options: [
          { id: 'constant', label: 'a constant' },
          { id: 'first', label: 'a constant on the first adapter, 0 on the others' },
          { id: 'equal', label: '1/√K' },
          { id: 'uniform', label: 'uniform, 0 to 1' },
          { id: 'normal', label: 'normal, deviation 0.5' },
        ],
      },
      {
        kind: 'number',
        id: 'startValue',
        label: 'Start value',
        help: 'The constant; 0 begins at the base model exactly.',
        per: 'recipe',
        default: 0,
        min: -100,
        max: 100,
        step: 0.1,
      },
      ...stepParams({ rate: 0.05, steps: 100, batch: 8 }),
      {
        kind: 'number',
        id: 'l1',
        label: 'L1',
        help: 'Strength of the mean absolute value of the learned numbers in the loss.',
        per: 'recipe',
        default: 0,
        min: 0,
        max: 100,
        step: 0.01,
      },
      {
        kind: 'choice',
        id: 'objective',
        label: 'Objective',
        help: 'What is made small.',
        per: 'recipe',
        default: 'cross_entropy',
        options: [
          { id: 'cross_entropy', label: 'cross-entropy of the answers', help: 'Uses the labels of the training examples.' },
          { id: 'entropy', label: 'entropy of the predictions', help: 'Of the token after the prompt; uses no labels (AdaMerging).' },
          {
            id: 'tchebycheff',
            label: 'smooth Tchebycheff of entropies',
            help: 'The largest rise of entropy over the answers’ groups, smoothed; groups are the labels of the task (TARA).',
          },
        ],
      },
      {
        kind: 'number',
        id: 'temperature',
        label: 'Smoothing',
        help: 'The a of a·log Σ exp(H/a) for the smooth Tchebycheff objective; smaller is nearer to the largest one.',
        per: 'recipe',
        default: 0.1,
        min: 0.001,
        max: 100,
        step: 0.1,
      },
      {
        kind: 'flag',
        id: 'trainAdapters',
        label: 'Also train the adapters',
        help: 'A and B of all chosen adapters move too (π-Tuning); the pool’s own files stay as they are.',
        per: 'recipe',
        default: false,
      },
      {
        kind: 'number',
        id: 'adapterLearningRate',
        label: 'Learning rate of the adapters',
        help: 'Where adapters are trained too.',
        per: 'recipe',
        default: 0.0001,
        min: 0,
        max: 100,
      },
      {
        kind: 'choice',
        id: 'parameters',
        label: 'Factors',
        help: 'A control: what the adapters’ factors are replaced by before anything is tuned.',
        per: 'recipe',
        default: 'real',
        options: [
          { id: 'real', label: 'as they are' },
          {
            id: 'random',
            label: 'random, matched',
            help: 'Every adapter but your own LoRA is replaced by random numbers of the same deviations.',
          },
        ],
      },
      ...outputParams,
    ],
  },
  {
    id: 'search',
    label: 'Search without gradients',
    summary: 'Tries coefficients, or parameters of a merge method, many at a time, and keeps every trial.',
    basic: ['selection', 'k', 'ownFirst', 'optimiser', 'trials'],
    params: [
      ...selectionParams,
      {
        kind: 'choice',
        id: 'optimiser',
        label: 'Search',
        help: 'How the next candidates are found.',
        per: 'recipe',
        default: 'cma_es',
        options: [
          { id: 'cma_es', label: 'CMA-ES', help: 'Hansen 2016 (arXiv 1604.00772), with the recommended settings.' },
          { id: 'nelder_mead', label: 'Nelder-Mead', help: 'Nelder and Mead 1965; all candidates of an iteration are tried at once.' },
          { id: 'random', label: 'random', help: 'Uniform in the bounds.' },
          { id: 'grid', label: 'grid', help: 'Equal steps in every dimension, as fine as the trials allow.' },
        ],
      },
      {
        kind: 'integer',
        id: 'trials',
        label: 'Trials',
        help: 'Candidates that are evaluated.',
        per: 'recipe',
        default: 100,
        min: 1,
        max: 100000,
        step: 10,
      },
      {
        kind: 'integer',
        id: 'population',
        label: 'At a time',
        help: 'Candidates of one generation; 0 for what the search recommends.',
        per: 'recipe',
        default: 0,
        min: 0,
        max: 1000,
        step: 1,
      },
      {
        kind: 'choice',
        id: 'granularity',
        label: 'Granularity',
        help: 'What shares one coefficient.',
        per: 'recipe',
        default: 'adapter',
        options: [
          { id: 'adapter', label: 'adapter' },
          { id: 'sublayer', label: 'sublayer' },
          { id: 'layer', label: 'layer' },
        ],
      },
      {
        kind: 'number',
        id: 'low',
        label: 'Least coefficient',
        help: 'Lower bound.',
        per: 'recipe',
        default: -1.5,
        min: -100,
        max: 100,
        step: 0.1,
      },
      {
        kind: 'number',
        id: 'high',
        label: 'Largest coefficient',
        help: 'Upper bound.',
        per: 'recipe',
        default: 1.5,
        min: -100,
        max: 100,
        step: 0.1,
      },
      {
        kind: 'number',
        id: 'startValue',
        label: 'Start value',
        help: 'Where the search begins.',
        per: 'recipe',
        default: 0,
        min: -100,
        max: 100,
        step: 0.1,
      },
      {
        kind: 'number',
        id: 'l1',
        label: 'L1',
        help: 'Strength of the mean absolute coefficient in the objective.',
        per: 'recipe',
        default: 0.05,
        min: 0,
        max: 100,
        step: 0.01,
      },
      {
        kind: 'choice',
        id: 'objective',
        label: 'Objective',
        help: 'What a candidate is judged by, on the examples below.',
        per: 'recipe',
        default: 'loss',
        options: [
          { id: 'loss', label: 'mean loss of the answers' },
          { id: 'metric', label: 'the metric of the task' },
        ],
      },
      {
        kind: 'choice',
        id: 'judgedOn',
        label: 'Judged on',
        help: 'With the training examples, the best trial is then chosen by the validation examples; with both together nothing is held out.',
        per: 'recipe',
        default: 'train',
        options: [
          { id: 'train', label: 'training examples' },
          { id: 'train+validation', label: 'training and validation examples', help: 'As LoraHub does.' },
        ],
      },
      ...outputParams,
    ],
  },
  {
    id: 'train',
    label: 'Train a fresh LoRA',
    summary: 'Trains a new adapter on the same examples: what merging has to beat.',
    basic: ['variant', 'rank', 'alpha', 'targets', 'dropout', 'learningRate', 'steps', 'batch'],
    params: [
      {
        kind: 'choice',
        id: 'variant',
        label: 'Variant',
        help: 'What of the factors is trained.',
        per: 'recipe',
        default: 'lora',
        options: [
          { id: 'lora', label: 'LoRA', help: 'A and B (Hu et al. 2021).' },
          { id: 'lori_d', label: 'LoRI-D', help: 'A stays random, B is trained (Zhang et al. 2025, arXiv 2504.07448).' },
          {
            id: 'lori_s',
            label: 'LoRI-S',
            help: 'First LoRI-D, whose largest entries of B make a mask; then from scratch within the mask.',
          },
        ],
      },
      {
        kind: 'integer',
        id: 'rank',
        label: 'Rank',
        help: 'Rank r of every module.',
        per: 'recipe',
        default: 16,
        min: 1,
        max: 4096,
        step: 8,
      },
      {
        kind: 'number',
        id: 'alpha',
        label: 'Alpha',
        help: 'The update is alpha / r times B A.',
        per: 'recipe',
        default: 32,
        min: 0.001,
        max: 100000,
        step: 8,
      },
      {
        kind: 'flag',
        id: 'rsLora',
        label: 'Rank-stabilised',
        help: 'alpha / √r instead of alpha / r (Kalajdzievski 2023, arXiv 2312.03732).',
        per: 'recipe',
        default: false,
      },
      {
        kind: 'choice',
        id: 'targets',
        label: 'Target modules',
        help: 'Which linear layers get an update.',
        per: 'recipe',
        default: 'all',
        options: [
          { id: 'all', label: 'all seven' },
          { id: 'attention', label: 'q, k, v, o' },
          { id: 'mlp', label: 'gate, up, down' },
          { id: 'qv', label: 'q, v' },
        ],
      },
      {
        kind: 'number',
        id: 'dropout',
        label: 'Dropout',
        help: 'Share of the inputs of A that are dropped while training.',
        per: 'recipe',
        default: 0.1,
        min: 0,
        max: 0.95,
        step: 0.05,
      },
      ...stepParams({ rate: 0.003, steps: 200, batch: 8 }),
      {
        kind: 'number',
        id: 'clipNorm',
        label: 'Clip gradients at',
        help: '2-norm of all gradients together above which they are scaled down; 0 for never.',
        per: 'recipe',
        default: 1,
        min: 0,
        max: 1000,
        step: 0.1,
      },
      {
        kind: 'flag',
        id: 'clipEach',
        label: 'Clip each factor alone',
        help: 'The norm of each factor by itself, as LoRI does.',
        per: 'recipe',
        default: false,
      },
      {
        kind: 'number',
        id: 'bRatio',
        label: 'Rate of B over rate of A',
        help: 'LoRA+ (Hayou et al. 2024, arXiv 2402.12354) takes 16; 1 for plain LoRA.',
        per: 'recipe',
        default: 1,
        min: 0.001,
        max: 1000,
        step: 1,
      },
      {
        kind: 'number',
        id: 'sparsity',
        label: 'Sparsity',
        help: 'LoRI-S: share of the entries of B that stay 0.',
        per: 'recipe',
        default: 0.9,
        min: 0,
        max: 0.999,
        step: 0.05,
      },
      {
        kind: 'choice',
        id: 'maskScope',
        label: 'Mask',
        help: 'LoRI-S: over what the largest entries are taken.',
        per: 'recipe',
        default: 'adapter',
        options: [
          { id: 'adapter', label: 'the whole adapter' },
          { id: 'module', label: 'each module' },
        ],
      },
      {
        kind: 'choice',
        id: 'startUse',
        label: 'An adapter to start from gives',
        help: 'Only where one is chosen.',
        per: 'recipe',
        default: 'both',
        options: [
          { id: 'both', label: 'A and B, both trained', help: 'Goes on from a merge or an earlier adapter.' },
          {
            id: 'frozen_a',
            label: 'A, frozen, and B as a start',
            help: 'The continual recipe of LoRI: with LoRI-S only the new mask’s entries move, all others stay bit for bit.',
          },
        ],
      },
      {
        kind: 'flag',
        id: 'shuffleLabels',
        label: 'Shuffle the answers',
        help: 'A control: answers are dealt out anew among the training examples, so that nothing of the task can be learned but its form.',
        per: 'recipe',
        default: false,
      },
      outputParams[1],
    ],
  },
] as const satisfies readonly TunerEntry[]

/** The entry of an arm. */
export function tunerOf(id: Arm): TunerEntry {
  const entry = tuners.find((candidate) => candidate.id === id)
  if (!entry) throw new Error(`no registry entry for the arm ${id}`)
  return entry
}

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

/** A control: an arm with something taken away, so that it can be seen what that something was worth. */
export interface ControlEntry {
  readonly id: string
  readonly label: string
  readonly summary: string
  /** What it is made of. "evaluate" makes nothing and is checked by evaluating. */
  readonly arm: 'tune' | 'train' | 'evaluate'
  readonly needsOwn: boolean
  readonly needsPool: boolean
  /** Parameters it fixes, over those of the arm it goes with: everything else is as in that arm, so that the two can be compared. */
  readonly values: ParamValues
  /** Whether several seeds make sense. */
  readonly usesSeed: boolean
}

/** Every control, in reading order (recycling-loras.md 4.4 and 6.1). */
export const controls = [
  {
    id: 'random_parameters',
    label: 'Random parameters',
    summary: 'The chosen adapters are replaced by random numbers of the same deviations, module by module, and tuned in the same way.',
    arm: 'tune',
    needsOwn: false,
    needsPool: true,
    values: { parameters: 'random', ownFirst: false },
    usesSeed: true,
  },
  {
    id: 'random_parameters_with_own',
    label: 'My LoRA and random parameters',
    summary: 'Your own LoRA stays as it is; all others are replaced by random numbers of the same deviations.',
    arm: 'tune',
    needsOwn: true,
    needsPool: true,
    values: { parameters: 'random', ownFirst: true },
    usesSeed: true,
  },
  {
    id: 'random_adapters',
    label: 'Random real adapters',
    summary: 'Adapters drawn at random from the pool instead of chosen ones.',
    arm: 'tune',
    needsOwn: false,
    needsPool: true,
    values: { selection: 'random', ownFirst: false },
    usesSeed: true,
  },
  {
    id: 'random_adapters_with_own',
    label: 'My LoRA and random real adapters',
    summary: 'Your own LoRA first, the others drawn at random from the pool.',
    arm: 'tune',
    needsOwn: true,
    needsPool: true,
    values: { selection: 'random', ownFirst: true },
    usesSeed: true,
  },
  {
    id: 'retuned_own',
    label: 'My LoRA, coefficients re-tuned',
    summary: 'Your own LoRA alone, only its coefficients tuned: what rescaling does without any other adapter.',
    arm: 'tune',
    needsOwn: true,
    needsPool: false,
    values: { selection: 'manual', k: 1, ownFirst: true },
    usesSeed: true,
  },
  {
    id: 'own_dropout',
    label: 'My LoRA with dropout 0.5',
    summary: 'A fresh LoRA trained with much more dropout: plain regularisation.',
    arm: 'train',
    needsOwn: false,
    needsPool: false,
    values: { dropout: 0.5 },
    usesSeed: true,
  },
  {
    id: 'shuffled_labels',
    label: 'Shuffled labels',
    summary: 'A fresh LoRA trained on answers dealt out at random: what the form of the answers alone teaches.',
    arm: 'train',
    needsOwn: false,
    needsPool: false,
    values: { shuffleLabels: true },
    usesSeed: true,
  },
  {
    id: 'best_single',
    label: 'Best single adapter',
    summary: 'The one adapter of the pool that does best on the training examples, as it is.',
    arm: 'evaluate',
    needsOwn: false,
    needsPool: true,
    values: { selection: 'evaluation', k: 1 },
    usesSeed: false,
  },
  {
    id: 'zero_coefficients',
    label: 'Coefficients times 0',
    summary: 'The chosen adapters at coefficient 0 must equal the base model, answer for answer.',
    arm: 'evaluate',
    needsOwn: false,
    needsPool: true,
    values: {},
    usesSeed: false,
  },
  {
    id: 'own_alone',
    label: 'My LoRA times 1',
    summary: 'Your own LoRA through the merge at coefficient 1 must equal your own LoRA, answer for answer.',
    arm: 'evaluate',
    needsOwn: true,
    needsPool: false,
    values: {},
    usesSeed: false,
  },
] as const satisfies readonly ControlEntry[]

export type ControlId = (typeof controls)[number]['id']
/** Every control's id, in registry order. */
export const controlIds = controls.map((entry) => entry.id) as unknown as readonly [ControlId, ...ControlId[]]

/** The entry of a known id. */
export function controlOf(id: ControlId): ControlEntry {
  const entry = controls.find((candidate) => candidate.id === id)
  if (!entry) throw new Error(`no registry entry for the control ${id}`)
  return entry
}
