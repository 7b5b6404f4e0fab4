import type { ParamSpec } from './params.ts'
import { searchParams } from './search-params.ts'
import { outputParams, selectionParams } from './shared-params.ts'
import { trainParams } from './train-params.ts'
import { tuneParams } from './tune-params.ts'

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
    params: tuneParams,
  },
  {
    id: 'search',
    label: 'Search without gradients',
    summary: 'Tries coefficients, or parameters of a merge method, many at a time, and keeps every trial.',
    basic: ['selection', 'k', 'ownFirst', 'optimiser', 'trials'],
    params: searchParams,
  },
  {
    id: 'train',
    label: 'Train a fresh LoRA',
    summary: 'Trains a new adapter on the same examples: what merging has to beat.',
    basic: ['variant', 'rank', 'alpha', 'targets', 'dropout', 'learningRate', 'steps', 'batch'],
    params: trainParams,
  },
] as const satisfies readonly TunerEntry[]

/** The entry of an arm. */
export function tunerOf(id: Arm): TunerEntry {
  const entry = tuners.find((candidate) => candidate.id === id)
  if (!entry) throw new Error(`no registry entry for the arm ${id}`)
  return entry
}
