/** Remembers what was made last, as long as its key stays the same. */
export interface Recent<Input, Value> {
  get(input: Input): Value
}

/** One remembered value; `keyOf` tells whether it is still the one that `make` would make. What `make` throws is not remembered. */
export function createRecent<Input, Value>(keyOf: (input: Input) => string, make: (input: Input) => Value): Recent<Input, Value> {
  let last: { readonly key: string; readonly value: Value } | undefined
  return {
    get(input) {
      const key = keyOf(input)
      if (last?.key !== key) last = { key, value: make(input) }
      return last.value
    },
  }
}
