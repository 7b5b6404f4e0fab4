/** What a benchmark reports. A ratio within one run, its limit, and the figures behind it; seconds alone depend on the machine. */
export interface Measure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** Inclusive bound, "at most" unless `atLeast`. */
  readonly limit?: number
  readonly atLeast?: boolean
  readonly note?: string
}

export interface Trial {
  readonly name: string
  readonly summary: string
  /** `scratch` is an empty folder, removed afterwards. */
  run(scratch: string): Promise<readonly Measure[]>
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** True when the measure has no limit or keeps it. */
export function holds(measure: Measure): boolean {
  if (measure.limit === undefined) return true
  return measure.atLeast ? measure.value >= measure.limit : measure.value <= measure.limit
}
