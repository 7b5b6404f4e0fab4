import * as v from 'valibot'

/** What one target module's update holds, computed exactly from its factors. */
export const moduleInspectionSchema = v.object({
  name: v.string(),
  layer: v.nullable(v.number()),
  moduleKind: v.string(),
  /** Frobenius norm of the delta. */
  norm: v.number(),
  /** Singular values of the delta, falling, to six digits; as many as its rank. None where the rank is above 512: they would take too long. */
  singularValues: v.array(v.number()),
  /** exp of the entropy of p_k = sigma_k / sum sigma (Roy and Vetterli 2007): from 1 to the rank; 0 for a zero update; null without a spectrum. */
  effectiveRank: v.nullable(v.number()),
})
export type ModuleInspection = v.InferOutput<typeof moduleInspectionSchema>

/** What the tensors say about how an adapter was trained (lego-lori.md 2.9). */
export const detectorSchema = v.object({
  /** uniform: A looks frozen at its uniform start; gaussian: frozen at a normal start; trained: A moved. */
  frozenA: v.picklist(['uniform', 'gaussian', 'trained']),
  /** Largest max|A| * sqrt(in) over the modules: at most 1.004 for a uniform start that never moved. */
  maxScaledA: v.number(),
  /** std(A) * sqrt(3 in), mean over the modules: 1 for a uniform start. */
  scaledStdA: v.number(),
  /** Kurtosis of A, mean over the modules: 1.8 uniform, 3 normal. */
  kurtosisA: v.number(),
  /** Share of exact zeros in B over the whole adapter. */
  zerosB: v.number(),
  /** What follows, in words. */
  verdict: v.string(),
})
export type Detector = v.InferOutput<typeof detectorSchema>

/** Everything the section Inspect and the detail pane show of one adapter's update; null parts are not computed yet. */
export const adapterInspectionSchema = v.object({
  id: v.string(),
  name: v.string(),
  contentHash: v.nullable(v.string()),
  modules: v.array(moduleInspectionSchema),
  /** Mean effective rank over the modules, weighted by squared norm. */
  effectiveRank: v.nullable(v.number()),
  detector: v.nullable(detectorSchema),
})
export type AdapterInspection = v.InferOutput<typeof adapterInspectionSchema>

/** Cosines between the deltas of a selection; pairs that were not compared yet are null. */
export const similaritySchema = v.object({
  /** Adapters in the order of rows and columns: those of the request that are checked and readable. */
  adapters: v.array(v.object({ id: v.string(), name: v.string(), updateNorm: v.nullable(v.number()) })),
  /** cosine[i][j], symmetric, 1 on the diagonal; inner products over the target modules that both have, norms over all of each. */
  cosines: v.array(v.array(v.nullable(v.number()))),
  pairsKnown: v.number(),
  pairsTotal: v.number(),
})
export type Similarity = v.InferOutput<typeof similaritySchema>

/** Groups of adapters linked by cosines of at least `threshold` (connected components of compared pairs), largest first. */
export const familiesSchema = v.object({
  threshold: v.number(),
  families: v.array(v.object({ ids: v.array(v.string()), names: v.array(v.string()), lowest: v.number(), highest: v.number() })),
})
export type Families = v.InferOutput<typeof familiesSchema>

/** Cosine from which two adapters count as near duplicates. */
export const nearDuplicateCosine = 0.99
