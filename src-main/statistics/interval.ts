/** A value with the interval of a level around it. */
export interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
}
