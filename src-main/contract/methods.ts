import type { ParamSpec } from './params.ts'

/** The identities that the generated test matrix knows (CONTRACT.md, "identities[]"). */
export const identityIds = ['single', 'negation', 'permutation', 'gauge', 'cancellation', 'copies'] as const
export type IdentityId = (typeof identityIds)[number]

/** What each identity claims, for the docs page and the test names. */
export const identityTexts: Readonly<Record<IdentityId, string>> = {
  single: 'one adapter at coefficient 1 returns itself',
  negation: 'negating every coefficient negates the result',
  permutation: 'the order of the adapters does not matter',
  gauge: 'replacing (B, A) by (B inverse(M), M A) changes nothing',
  cancellation: 'an adapter and itself at coefficient -1 give zero',
  copies: 'n equal copies at coefficient 1/n return the adapter',
}

/** Whether an identity holds for a method; one that does not hold is documented with the reason and tested as a counter-example. */
export interface IdentityClaim {
  readonly id: IdentityId
  readonly holds: boolean
  /** Why it does not hold, or under which parameters it does. */
  readonly note?: string
}

/** How a method is called by the native core; one function signature for each kind (CONTRACT.md). */
export type MethodKind = 'on_factors' | 'in_core' | 'on_tiles' | 'cluster'

/** One merge method: everything the form, the recipe check, the command line, the docs and the native structs need to know. */
export interface MethodEntry {
  readonly id: string
  readonly label: string
  readonly family: 'linear' | 'elementwise' | 'spectral' | 'clustering'
  /** The space in which the rule works; "factors" depends on how an adapter is written as B times A. */
  readonly actsOn: 'update' | 'core' | 'factors'
  readonly kind: MethodKind
  readonly reference: string
  readonly formula: string
  readonly summary: string
  readonly inputs: { readonly min: number; readonly max?: number }
  readonly needs: { readonly base?: boolean; readonly data?: boolean; readonly equalRanks?: boolean; readonly sharedModules?: boolean }
  /** Whether the recipe may give coefficients. */
  readonly coefficients: boolean
  /** sum: rank is the sum of the sources'; chosen: `output.rank` cuts it; common: the ranks' one value; k: parameter k. */
  readonly outputRank: 'sum' | 'chosen' | 'common' | 'k'
  readonly usesSeed: boolean
  readonly tuning: 'gradient' | 'search' | 'none'
  readonly params: readonly ParamSpec[]
  readonly identities: readonly IdentityClaim[]
}

/** Every merge method, in reading order. The only place where a method's facts stand. */
export const methods = [
  {
    id: 'concat',
    label: 'Concatenate (exact)',
    family: 'linear',
    actsOn: 'update',
    kind: 'on_factors',
    reference: 'Huang et al. 2023, LoraHub (arXiv 2307.13269), concatenated form; PEFT combination type "cat"',
    formula: 'ΔW = Σ cᵢ sᵢ Bᵢ Aᵢ, kept as stacked factors',
    summary: 'The exact weighted sum of the updates. Nothing is lost; the ranks add up.',
    inputs: { min: 1 },
    needs: {},
    coefficients: true,
    outputRank: 'sum',
    usesSeed: false,
    tuning: 'gradient',
    params: [],
    identities: [
      { id: 'single', holds: true },
      { id: 'negation', holds: true },
      { id: 'permutation', holds: true },
      { id: 'gauge', holds: true },
      { id: 'cancellation', holds: true },
      { id: 'copies', holds: true },
    ],
  },
  {
    id: 'linear',
    label: 'Linear (exact sum, cut to a rank)',
    family: 'linear',
    actsOn: 'core',
    kind: 'in_core',
    reference: 'Ilharco et al. 2022, Editing Models with Task Arithmetic (arXiv 2212.04089); best rank-r fit by Eckart and Young 1936',
    formula: 'ΔW = best rank-r fit of Σ cᵢ sᵢ Bᵢ Aᵢ',
    summary: 'The exact weighted sum of the updates, cut in the joint core to the rank you choose; what is cut is reported per module.',
    inputs: { min: 1 },
    needs: {},
    coefficients: true,
    outputRank: 'chosen',
    usesSeed: false,
    tuning: 'gradient',
    params: [],
    identities: [
      { id: 'single', holds: true },
      { id: 'negation', holds: true },
      { id: 'permutation', holds: true },
      { id: 'gauge', holds: true },
      { id: 'cancellation', holds: true },
      { id: 'copies', holds: true },
    ],
  },
  {
    id: 'average',
    label: 'Average',
    family: 'linear',
    actsOn: 'core',
    kind: 'in_core',
    reference: 'Wortsman et al. 2022, Model soups (arXiv 2203.05482), uniform soup of the updates',
    formula: 'ΔW = best rank-r fit of (1/T) Σ sᵢ Bᵢ Aᵢ',
    summary: 'The mean over all adapters, also where an adapter lacks a module (it counts as zero there). Takes no coefficients.',
    inputs: { min: 1 },
    needs: {},
    coefficients: false,
    outputRank: 'chosen',
    usesSeed: false,
    tuning: 'none',
    params: [],
    identities: [
      { id: 'single', holds: true },
      { id: 'negation', holds: false, note: 'coefficients are not accepted, so there is nothing to negate' },
      { id: 'permutation', holds: true },
      { id: 'gauge', holds: true },
      { id: 'cancellation', holds: false, note: 'coefficients are not accepted: an adapter averaged with itself is itself' },
      { id: 'copies', holds: true, note: 'with no coefficients: n copies return the adapter' },
    ],
  },
  {
    id: 'peft_linear',
    label: 'PEFT linear (factor sums)',
    family: 'linear',
    actsOn: 'factors',
    kind: 'on_factors',
    reference: 'PEFT 0.21.0, add_weighted_adapter, combination type "linear"',
    formula: 'A = Σ sign(cᵢsᵢ) √|cᵢsᵢ| Aᵢ,  B = Σ √|cᵢsᵢ| Bᵢ',
    summary:
      'What PEFT calls linear: A factors and B factors are added separately, so the result holds cross products of unlike adapters and is not the sum of their updates. For comparison with PEFT.',
    inputs: { min: 1 },
    needs: { equalRanks: true },
    coefficients: true,
    outputRank: 'common',
    usesSeed: false,
    tuning: 'search',
    params: [],
    identities: [
      { id: 'single', holds: true },
      { id: 'negation', holds: true },
      { id: 'permutation', holds: true },
      { id: 'gauge', holds: false, note: 'the sum of factors depends on how each adapter is split into B and A' },
      { id: 'cancellation', holds: true },
      { id: 'copies', holds: false, note: 'n copies at 1/n have factors scaled by n times the root of 1/n, so the product grows by n' },
    ],
  },
] as const satisfies readonly MethodEntry[]

export type MethodId = (typeof methods)[number]['id']

/** Every method id, in registry order. */
export const methodIds: readonly MethodId[] = methods.map((method) => method.id)

/** The entry of `id`, or undefined. */
export function findMethod(id: string): MethodEntry | undefined {
  return methods.find((method) => method.id === id)
}

/** The entry of a known id. */
export function methodOf(id: MethodId): MethodEntry {
  const entry = findMethod(id)
  if (!entry) throw new Error(`no registry entry for merge method ${id}`)
  return entry
}
