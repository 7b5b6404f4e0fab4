import type { Arm, PlanFile } from './plan.ts'

/** A plan that reproduces a study by point and click: everything but base model, pool and tasks. */
export interface PlanPreset {
  readonly id: string
  readonly label: string
  /** What it answers, and how it differs from the study. */
  readonly summary: string
  readonly plan: Pick<PlanFile, 'budgets' | 'seeds' | 'arms'>
}

const shared = { preset: null, params: {}, withOwn: false } as const
const base: Arm = { kind: 'base', id: 'base', label: 'Base model', role: 'base' }
const best: Arm = { kind: 'best_single', id: 'best_single', label: 'Best single adapter', role: null }

function own(preset: string): Arm {
  return { kind: 'train', id: 'own', label: 'Fresh LoRA', role: 'own', preset, params: {} }
}

function tuned(k: number, steps: number): readonly Arm[] {
  const params = { k, steps }
  const preset = 'recycling_2026'
  return [
    { ...shared, kind: 'tune', id: 'tuned', label: 'Tuned merge', role: 'merged', preset, params },
    {
      ...shared,
      kind: 'tune',
      id: 'tuned_own',
      label: 'Tuned merge with my LoRA',
      role: 'mergedWithOwn',
      preset,
      params: { ...params, ownFirst: true },
      withOwn: true,
    },
  ]
}

/** The controls that the verdict needs, with the same settings as the tuned merges. */
function controlArms(k: number, steps: number): readonly Arm[] {
  const params = { k, steps }
  const preset = 'recycling_2026'
  return [
    { kind: 'control', id: 'random', label: 'Random parameters', role: 'random', control: 'random_parameters', preset, params },
    {
      kind: 'control',
      id: 'random_own',
      label: 'My LoRA and random parameters',
      role: 'randomWithOwn',
      control: 'random_parameters_with_own',
      preset,
      params,
    },
    { kind: 'control', id: 'retuned', label: 'My LoRA, re-tuned', role: 'retuned', control: 'retuned_own', preset, params: { steps } },
  ]
}

/** Merges without tuning of the best K on the training examples, as in the study's main table. */
function plainMerges(k: number): readonly Arm[] {
  const selection = { selection: 'evaluation', k }
  const merge = (id: string, label: string, method: string, params: Record<string, number | string>, withOwn: boolean): Arm => ({
    ...{ kind: 'merge', id: withOwn ? `${id}_own` : id, label: withOwn ? `${label} with my LoRA` : label, role: null },
    ...{ method, selection, params, coefficient: 1, withOwn },
  })
  return [false, true].flatMap((withOwn) => [
    merge('average', 'Average', 'average', {}, withOwn),
    merge('ties', 'TIES', 'ties', { density: 0.2, variant: 'paper' }, withOwn),
  ])
}

const small = 'small_model_lora'
const k = 30
const steps = 100

/** Every preset, in reading order; the first is the quick look. Numbers are the study's where it has some. */
export const planPresets: readonly PlanPreset[] = [
  {
    id: 'quick_look',
    label: 'Quick look',
    summary: 'Is recycling worth it here? One seed, ten adapters, the arms that the verdict needs.',
    plan: { budgets: [100], seeds: [1], arms: [base, own(small), ...tuned(10, steps), ...controlArms(10, steps)] },
  },
  {
    id: 'main_table',
    label: 'Main table',
    summary:
      'Section 5.1 of the study: base model, fresh LoRA, merges without and with tuning, LoraHub, each without and with the fresh LoRA. TSV is not among the methods.',
    plan: {
      budgets: [100],
      seeds: [1],
      arms: [
        base,
        best,
        own(small),
        ...plainMerges(k),
        { ...shared, kind: 'search', id: 'lorahub', label: 'LoraHub', role: null, preset: 'lorahub', method: null, params: { k } },
        ...tuned(k, steps),
        ...controlArms(k, steps),
      ],
    },
  },
  {
    id: 'choice',
    label: 'Does the choice matter?',
    summary: 'Section 5.2: real adapters by metric, random real adapters, random parameters, and more dropout, over three seeds.',
    plan: {
      budgets: [100],
      seeds: [1, 2, 3],
      arms: [
        base,
        own(small),
        ...tuned(k, steps),
        {
          kind: 'control',
          id: 'random_real',
          label: 'Random adapters',
          role: null,
          control: 'random_adapters',
          preset: 'recycling_2026',
          params: { k, steps },
        },
        {
          ...{ kind: 'control', id: 'random_real_own', label: 'My LoRA and random adapters', role: null },
          ...{ control: 'random_adapters_with_own', preset: 'recycling_2026', params: { k, steps } },
        },
        ...controlArms(k, steps),
        {
          kind: 'control',
          id: 'own_dropout',
          label: 'Fresh LoRA, dropout 0.5',
          role: null,
          control: 'own_dropout',
          preset: small,
          params: {},
        },
      ],
    },
  },
  {
    id: 'low_data',
    label: 'Low data',
    summary: 'Section 5.5: the quick look at 10, 30 and 100 examples.',
    plan: { budgets: [10, 30, 100], seeds: [1], arms: [base, own(small), ...tuned(10, steps), ...controlArms(10, steps)] },
  },
  {
    id: 'relevance',
    label: 'Relevance',
    summary:
      'Section 4.5: with your LoRA and nine others, the best 0, 5, 10, 15 or 20 of the pool left out. Give a pool of your own for it.',
    plan: {
      budgets: [100],
      seeds: [1],
      arms: [
        base,
        own(small),
        ...[0, 5, 10, 15, 20].map((skip): Arm => ({
          ...{
            kind: 'tune',
            id: `skip_${skip}`,
            label: skip === 0 ? 'Best nine' : `Best ${skip} left out`,
            role: skip === 0 ? 'mergedWithOwn' : null,
          },
          ...{ preset: 'recycling_2026', params: { k: 10, steps, skip, ownFirst: true }, withOwn: true },
        })),
        ...controlArms(10, steps),
      ],
    },
  },
  {
    id: 'adapters',
    label: 'How many adapters',
    summary: 'Section 5.3: K from 5 to 30, without and with your LoRA.',
    plan: {
      budgets: [100],
      seeds: [1],
      arms: [
        base,
        own(small),
        ...[5, 10, 20, 30].flatMap((count) =>
          tuned(count, steps).map((arm): Arm => ({
            ...arm,
            id: `${arm.id}_${count}`,
            label: `${arm.label ?? arm.id}, K = ${count}`,
            role: count === 30 ? arm.role : null,
          })),
        ),
        ...controlArms(k, steps),
      ],
    },
  },
]
