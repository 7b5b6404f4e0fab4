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
  /** sum: rank is the sum of the sources'; chosen: `output.rank` cuts it; common: the ranks' one value; largest: the largest of them, per module; k: parameter k. */
  readonly outputRank: 'sum' | 'chosen' | 'common' | 'largest' | 'k'
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
  {
    id: 'lorahub',
    label: 'LoraHub (factor sums)',
    family: 'linear',
    actsOn: 'factors',
    kind: 'on_factors',
    reference: 'Huang et al. 2023, LoraHub (arXiv 2307.13269), as released: A and B are combined separately',
    formula: 'A = Σ cᵢ √sᵢ Aᵢ,  B = Σ cᵢ √sᵢ Bᵢ',
    summary:
      'What LoraHub searches over: A factors and B factors are added up separately, so every coefficient counts twice and the result holds cross products of unlike adapters. Smaller ranks are filled up with zeros, and the root of the scaling is folded into both factors (the original needs equal ranks and modules, and one scaling).',
    inputs: { min: 1 },
    needs: {},
    coefficients: true,
    outputRank: 'largest',
    usesSeed: false,
    tuning: 'search',
    params: [],
    identities: [
      { id: 'single', holds: true },
      { id: 'negation', holds: false, note: 'each coefficient enters both factors, so negating all of them changes nothing' },
      { id: 'permutation', holds: true },
      { id: 'gauge', holds: false, note: 'the sum of factors depends on how each adapter is split into B and A' },
      { id: 'cancellation', holds: true },
      { id: 'copies', holds: true },
    ],
  },
  {
    id: 'ties',
    label: 'TIES (trim, elect sign, mean of the agreeing)',
    family: 'elementwise',
    actsOn: 'update',
    kind: 'on_tiles',
    reference: 'Yadav et al. 2023, TIES-Merging (arXiv 2306.01708); variant count: PEFT 0.21.0, combination type "ties_svd"',
    formula: 'ΔW = best rank-r fit of Σ cᵢ τᵢ [sgn τᵢ = σ] / #{i: sgn τᵢ = σ} entry by entry, with τᵢ = top d of sᵢ Bᵢ Aᵢ and σ = sgn Σ τᵢ',
    summary:
      'Keeps the largest entries of each update, lets the adapters elect a sign for every entry, and averages those that agree. Works on the whole update in tiles and cuts the result, which has full rank, to the rank you choose; what is cut is reported per module. Coefficients take no part in the election.',
    inputs: { min: 1 },
    needs: {},
    coefficients: true,
    outputRank: 'chosen',
    usesSeed: false,
    tuning: 'search',
    params: [
      {
        kind: 'number',
        id: 'density',
        label: 'Density',
        help: 'Share of the entries of each update that is kept, the largest first, from 0 (nothing: the result is zero) to 1 (everything).',
        per: 'recipe',
        default: 0.2,
        min: 0,
        max: 1,
        step: 0.05,
      },
      {
        kind: 'choice',
        id: 'variant',
        label: 'Variant',
        help: 'Over what the largest entries are taken, and the sign of an entry whose kept values add up to exactly zero.',
        per: 'recipe',
        default: 'paper',
        options: [
          {
            id: 'paper',
            label: 'as in the paper',
            help: 'The largest entries of an adapter over all its modules; a zero sum takes the majority sign of the merge. Equal coefficients are the one scale of the paper; unequal ones are an extension, applied to each adapter after the election.',
          },
          {
            id: 'count',
            label: 'as in PEFT (ties_svd)',
            help: 'The largest entries of each module; a zero sum counts as plus; coefficients apply after the election and the divisor is the number of adapters that agree.',
          },
        ],
      },
    ],
    identities: [
      { id: 'single', holds: false, note: 'only at density 1; below it the smaller entries are dropped, which also makes the rank full' },
      { id: 'negation', holds: true, note: 'coefficients take no part in the election, so the result is linear in them' },
      { id: 'permutation', holds: true },
      { id: 'gauge', holds: true, note: 'up to entries that rounding moves across the threshold' },
      { id: 'cancellation', holds: true, note: 'the copies agree everywhere, and the mean of a value and its opposite is zero' },
      {
        id: 'copies',
        holds: false,
        note: 'the mean divides by the adapters that agree: n copies at 1/n give 1/n of the trimmed adapter, n copies at 1 give it back',
      },
    ],
  },
  {
    id: 'lego',
    label: 'LoRA-LEGO (clustered units)',
    family: 'clustering',
    actsOn: 'factors',
    kind: 'cluster',
    reference: 'Zhao et al. 2025, Merging LoRAs like Playing LEGO (arXiv 2409.16167)',
    formula: 'ΔW = √(r/k) Σ b_C a_C, with [a_C; b_C] the rescaled mean of cluster C of the units [√|cᵢsᵢ| Aᵢ[j,:]; ±√|cᵢsᵢ| Bᵢ[:,j]]',
    summary:
      'Pools the rank units of all adapters, clusters them by k-means in each module and keeps one unit for each cluster. Not the sum of the updates, and it depends on how an adapter is written: flipped signs of units, a rotated basis or another scale of A against B change the result although they change no update.',
    inputs: { min: 1 },
    needs: {},
    coefficients: true,
    outputRank: 'k',
    usesSeed: true,
    tuning: 'search',
    params: [
      {
        kind: 'integer',
        id: 'k',
        label: 'Clusters',
        help: 'Number of clusters and so the rank of the result, from 1 to the sum of the ranks; more keeps more of the adapters apart.',
        per: 'recipe',
        default: 'auto',
        automatic: 'mean-rank',
        min: 1,
        step: 1,
      },
      {
        kind: 'flag',
        id: 'paramReweight',
        label: 'Parameter reweighting',
        help: "Scales each cluster's mean so that its largest magnitude is the mean of its members' largest magnitudes.",
        per: 'recipe',
        default: true,
      },
      {
        kind: 'flag',
        id: 'outputReweight',
        label: 'Output reweighting',
        help: 'Multiplies the result by the square root of the reference rank over the number of clusters.',
        per: 'recipe',
        default: true,
      },
      {
        kind: 'number',
        id: 'referenceRank',
        label: 'Reference rank',
        help: 'The rank r in the factor √(r/k) of output reweighting; larger makes the result larger.',
        per: 'recipe',
        default: 'auto',
        automatic: 'mean-rank',
        min: 0.01,
        step: 1,
      },
      {
        kind: 'integer',
        id: 'restarts',
        label: 'Restarts',
        help: 'Number of independent starts of k-means, of which the one with the least inertia is kept; more costs time and depends less on the seed.',
        per: 'recipe',
        default: 10,
        min: 1,
        max: 100,
        step: 1,
      },
      {
        kind: 'choice',
        id: 'features',
        label: 'Features',
        help: 'What k-means compares; means are always taken of the units as they are.',
        per: 'recipe',
        default: 'raw',
        options: [
          {
            id: 'raw',
            label: 'Units as they are',
            help: 'Plain distance between units, as in the paper; the longer of the two halves decides.',
          },
          { id: 'balanced', label: 'Both halves at length 1', help: 'The A half and the B half of each unit count alike.' },
        ],
      },
      {
        kind: 'flag',
        id: 'equalVotes',
        label: 'One vote for each adapter',
        help: "Weighs each unit by 1 over its adapter's rank, so that an adapter of high rank does not outvote the others (an extension of ours).",
        per: 'recipe',
        default: false,
      },
      {
        kind: 'choice',
        id: 'units',
        label: 'Units',
        help: 'Which rank units of an adapter are pooled.',
        per: 'recipe',
        default: 'stored',
        options: [
          { id: 'stored', label: 'As stored', help: 'Rows of A and columns of B as they stand in the file, as in the paper.' },
          {
            id: 'canonical',
            label: 'Singular triplets',
            help: 'The singular triplets of each update with fixed signs, so that the result depends on the updates alone (an extension of ours).',
          },
        ],
      },
    ],
    identities: [
      {
        id: 'single',
        holds: true,
        note: 'with k at the rank of the adapter, which is the default where its modules have one rank; a smaller k prunes it',
      },
      { id: 'negation', holds: true, note: 'but for an adapter that stands in the recipe twice with opposite coefficients' },
      { id: 'permutation', holds: true, note: 'sources are taken in the order of their content hashes' },
      {
        id: 'gauge',
        holds: false,
        note: 'units are clustered as they are stored; it holds with units: canonical where singular values differ',
      },
      { id: 'cancellation', holds: false, note: 'a unit and its negated copy are two points of the pool, which need not share a cluster' },
      {
        id: 'copies',
        holds: false,
        note: 'copies share a cluster whose mean is one of them, so n copies at coefficient 1 return the adapter, and at 1/n its nth part',
      },
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
