/** One module to inspect: names of its factors in the file, its rank (rows of A) and its scaling. */
export interface InspectModule {
  readonly name: string
  readonly a: string
  readonly b: string
  readonly rank: number
  readonly scaling: number
}

/** Reads a weights file once: strict header check, every value of every tensor, statistics of the listed modules. */
export interface InspectRequest {
  readonly weightsFile: string
  readonly modules: readonly InspectModule[]
}

/** What a module's factors hold; null where a value is not finite. */
export interface InspectedModule {
  readonly name: string
  /** Frobenius norm of scaling * B * A. */
  readonly norm: number | null
  /** Singular values of scaling * B * A, falling, as many as the rank; null also above the rank up to which they are computed (512). */
  readonly singularValues: readonly number[] | null
  /** Shares of exact zeros, 0 to 1. */
  readonly zerosA: number | null
  readonly zerosB: number | null
  readonly maxAbsA: number | null
  readonly stdA: number | null
  /** Fourth central moment of A over its squared variance: 1.8 uniform, 3 normal; null also where A is one number throughout. */
  readonly kurtosisA: number | null
}

/** What a whole file holds; the first value that is NaN or infinite, when there is one. */
export interface InspectResult {
  readonly finite: boolean
  readonly firstNonFinite: { readonly tensor: string; readonly index: number; readonly value: 'nan' | 'inf' | '-inf' } | null
  /** Frobenius norm of the whole update; null when a value is not finite. */
  readonly norm: number | null
  readonly modules: readonly InspectedModule[]
}

/** The native inspection, given by the host. Throws Refusal for files that cannot be read. */
export type Inspect = (request: InspectRequest, signal: AbortSignal) => Promise<InspectResult>
