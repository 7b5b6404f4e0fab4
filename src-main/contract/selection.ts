/** One way to choose adapters from a pool. Its arithmetic is src-main/selection/<id>.ts. */
export interface SelectionEntry {
  readonly id: string
  readonly label: string
  readonly help: string
  readonly formula: string
  readonly reference: string
  readonly needs: {
    /** An adapter that candidates are compared with: one's own LoRA for the task. */
    readonly query: boolean
    /** Labelled examples of the task, and the base model to run them with. */
    readonly examples: boolean
  }
  /** How it is computed: from the factors alone, by forming updates tile by tile, by running the base model, or from facts. */
  readonly cost: 'factors' | 'dense' | 'model' | 'none'
  /** Whether the seed decides. */
  readonly usesSeed: boolean
  /** Whether more than the chosen ones get a value, which can be shown. */
  readonly ranks: boolean
}

const recycling = 'Recycling LoRAs with adaptive merging (arXiv 2602.12323)'

/** Every selection strategy, in reading order. The only place where its facts stand. Larger values are chosen first, ties in the order of the pool. */
export const selections = [
  {
    id: 'manual',
    label: 'As chosen by hand',
    help: 'The adapters of the pool as they are, in its order.',
    formula: 'the pool',
    reference: '',
    needs: { query: false, examples: false },
    cost: 'none',
    usesSeed: false,
    ranks: false,
  },
  {
    id: 'all',
    label: 'All of the pool',
    help: 'Every adapter of the pool, whatever K says.',
    formula: 'the pool',
    reference: '',
    needs: { query: false, examples: false },
    cost: 'none',
    usesSeed: false,
    ranks: false,
  },
  {
    id: 'random',
    label: 'Random',
    help: 'K adapters drawn without replacement; the seed decides which.',
    formula: 'u ~ U(0, 1)',
    reference: recycling,
    needs: { query: false, examples: false },
    cost: 'none',
    usesSeed: true,
    ranks: false,
  },
  {
    id: 'evaluation',
    label: 'Metric on the training examples',
    help: 'Each adapter alone at coefficient 1 on the training examples, by the metric of the task; known runs are not computed again.',
    formula: 'metric(base + ΔWᵢ; training examples)',
    reference: `${recycling}, "evaluation"; the study scored training and validation examples together`,
    needs: { query: false, examples: true },
    cost: 'model',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'loss',
    label: 'Loss on the training examples',
    help: 'Each adapter alone at coefficient 1: minus the mean loss of the answers. Finer than a metric of few examples.',
    formula: '−mean −log p(answer | prompt; base + ΔWᵢ)',
    reference: 'Huang et al. 2023, LoraHub (arXiv 2307.13269), its objective for one adapter',
    needs: { query: false, examples: true },
    cost: 'model',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'gradient',
    label: 'Gradient alignment',
    help: 'How much the loss on the training examples falls along the update, at the base model and per unit of its norm: one pass for many adapters.',
    formula: '−⟨∂L/∂W, ΔWᵢ⟩ / ‖ΔWᵢ‖ = −Σₘ ∂L/∂cᵢₘ at c = 0, over ‖ΔWᵢ‖',
    reference: 'First order of the loss in the coefficient; ours',
    needs: { query: false, examples: true },
    cost: 'model',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'cosine',
    label: 'Cosine with my LoRA',
    help: 'Cosine of the whole updates; from the factors, exactly.',
    formula: 'Σₘ⟨C,T⟩ / √(Σ‖C‖² Σ‖T‖² + 1e-6)',
    reference: `${recycling}, "cosine" (macro)`,
    needs: { query: true, examples: false },
    cost: 'factors',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'clamp',
    label: 'Clamped cosine, entry by entry',
    help: 'As the cosine, but entries whose signs disagree count 0.',
    formula: 'Σₘ Σᵢⱼ max(CᵢⱼTᵢⱼ, 0) / √(Σ‖C‖² Σ‖T‖² + 1e-6)',
    reference: `${recycling}, "clamp"`,
    needs: { query: true, examples: false },
    cost: 'dense',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'clamp_per_module',
    label: 'Clamped cosine, module by module',
    help: 'As the cosine, but modules whose inner product is negative count 0.',
    formula: 'Σₘ max(⟨C,T⟩, 0) / √(Σ‖C‖² Σ‖T‖² + 1e-6)',
    reference: `${recycling}, "clamp per module"`,
    needs: { query: true, examples: false },
    cost: 'factors',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'abs',
    label: 'Absolute cosine',
    help: 'Entries count whichever their signs: do both updates move the same weights.',
    formula: 'Σₘ Σᵢⱼ |CᵢⱼTᵢⱼ| / √(Σ‖C‖² Σ‖T‖² + 1e-6)',
    reference: `${recycling}, "abs"`,
    needs: { query: true, examples: false },
    cost: 'dense',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'quasi_fisher',
    label: 'Quasi-Fisher similarity',
    help: 'Cosine of the squared entries, then the square root: stands in for a Fisher similarity, which would need the source data.',
    formula: '√( Σ⟨C²,T²⟩ / √(Σ‖C²‖² Σ‖T²‖² + 1e-6) )',
    reference: `${recycling}, "quasi-FIM", used for π-Tuning`,
    needs: { query: true, examples: false },
    cost: 'dense',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'l2',
    label: 'Distance to my LoRA',
    help: 'Nearest whole updates first.',
    formula: '−log(1 + Σₘ‖C − T‖²)',
    reference: `${recycling}, "L2"`,
    needs: { query: true, examples: false },
    cost: 'factors',
    usesSeed: false,
    ranks: true,
  },
  {
    id: 'rank',
    label: 'Rank',
    help: 'Adapters of the largest rank first.',
    formula: 'r',
    reference: `${recycling}, "rank"`,
    needs: { query: false, examples: false },
    cost: 'none',
    usesSeed: false,
    ranks: true,
  },
] as const satisfies readonly SelectionEntry[]

export type SelectionId = (typeof selections)[number]['id']

/** Every strategy's id, in registry order. */
export const selectionIds = selections.map((entry) => entry.id) as unknown as readonly [SelectionId, ...SelectionId[]]

/** The entry of a known id. */
export function selectionOf(id: SelectionId): SelectionEntry {
  const entry = selections.find((candidate) => candidate.id === id)
  if (!entry) throw new Error(`no registry entry for selection strategy ${id}`)
  return entry
}
