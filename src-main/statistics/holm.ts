/**
 * p-values adjusted for testing all of them (Holm 1979): the k-th smallest times (m - k + 1), made rising, at most 1. In the order given. Comparing an
 * adjusted value with a level keeps the probability of even one false finding below it. RangeError for a value outside 0 to 1.
 */
export function holm(values: readonly number[]): readonly number[] {
  const wrong = values.find((value) => !(value >= 0 && value <= 1))
  if (wrong !== undefined) throw new RangeError(`${wrong} is no p-value`)
  const order = values.map((_, index) => index).sort((left, right) => values[left]! - values[right]!)
  const adjusted = new Array<number>(values.length)
  let largest = 0
  order.forEach((index, place) => {
    largest = Math.max(largest, Math.min(1, values[index]! * (values.length - place)))
    adjusted[index] = largest
  })
  return adjusted
}
