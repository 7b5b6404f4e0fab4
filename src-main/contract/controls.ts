import type { ParamValues } from './params.ts'

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
