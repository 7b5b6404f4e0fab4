import * as v from 'valibot'

const finite = v.pipe(v.number(), v.finite())
const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** What `devices()` answers. */
export const devicesSchema = v.object({
  cpu: v.object({ name: v.string(), threads: v.pipe(v.number(), v.integer(), v.minValue(1)), instructions: v.string() }),
  cuda: v.object({
    available: v.boolean(),
    reason: v.string(),
    devices: v.array(v.object({ name: v.string(), totalBytes: finite, freeBytes: finite, computeCapability: v.string() })),
  }),
  build: v.object({ version: v.string(), compiler: v.string(), cudaCompiled: v.boolean(), id: v.string() }),
})
export type NativeDevices = v.InferOutput<typeof devicesSchema>

/** Progress of a running native job: `done` of `total` units of work within `stage`. */
export const nativeProgressSchema = v.object({
  stage: v.string(),
  done: v.pipe(finite, v.minValue(0)),
  total: v.pipe(finite, v.minValue(0)),
  unit: v.string(),
  rate: finite,
  etaSeconds: v.nullable(finite),
})
export type NativeProgress = v.InferOutput<typeof nativeProgressSchema>

/** What a finished merge reports (contract: MergeOutcome). */
export const mergeOutcomeSchema = v.object({
  rank: count,
  bytesRead: finite,
  bytesWritten: finite,
  seconds: finite,
  peakBytes: finite,
  modules: v.array(v.object({ name: v.string(), rank: count, norm: finite, discardedEnergy: finite })),
})

/** What a preview reports: inner products of the sources' updates over the modules used, without coefficients. */
export const previewOutcomeSchema = v.object({
  exact: v.boolean(),
  modulesUsed: count,
  modulesTotal: count,
  gram: v.array(v.array(finite)),
  modules: v.array(v.object({ name: v.string(), norm: finite, discardedEnergy: finite })),
})
export type PreviewOutcome = v.InferOutput<typeof previewOutcomeSchema>

/** What an inspection reports of one weights file. Norms are of scaling * B * A. */
export const inspectOutcomeSchema = v.object({
  finite: v.boolean(),
  firstNonFinite: v.nullable(v.object({ tensor: v.string(), index: count, value: v.picklist(['nan', 'inf', '-inf']) })),
  norm: v.nullable(v.number()),
  modules: v.array(
    v.object({
      name: v.string(),
      norm: v.nullable(v.number()),
      singularValues: v.nullable(v.array(finite)),
      zerosA: v.nullable(v.number()),
      zerosB: v.nullable(v.number()),
      maxAbsA: v.nullable(v.number()),
      stdA: v.nullable(v.number()),
      kurtosisA: v.nullable(v.number()),
    }),
  ),
})
export type InspectOutcome = v.InferOutput<typeof inspectOutcomeSchema>

/** What a comparison reports: gram[i][j] is the inner product of the i-th update on the left with the j-th on the right. */
export const compareOutcomeSchema = v.object({ gram: v.array(v.array(finite)) })
export type CompareOutcome = v.InferOutput<typeof compareOutcomeSchema>

/** One adapter of a comparison: its file and its factors with the sides of the base matrix. */
export interface CompareAdapter {
  readonly weightsFile: string
  readonly modules: readonly (InspectRequest['modules'][number] & { readonly in: number; readonly out: number })[]
}

/** Every adapter on the left with every one on the right, or, where `right` is null, the left ones among themselves. */
export interface CompareRequest {
  readonly left: readonly CompareAdapter[]
  readonly right: readonly CompareAdapter[] | null
}

/** Request of an inspection: the factors to pair, and the file to read once. */
export interface InspectRequest {
  readonly weightsFile: string
  readonly modules: readonly {
    readonly name: string
    readonly a: string
    readonly b: string
    readonly rank: number
    readonly scaling: number
  }[]
}
