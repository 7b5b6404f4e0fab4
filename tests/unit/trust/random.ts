/** Seeded chance for fuzzers: the same seed gives the same cases on every machine. */
export interface Chance {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number
  oneIn(count: number): boolean
  of<T>(list: readonly T[]): T
}

/** Mulberry32 (public domain): 32 bits of state, enough for choosing mutations. */
export function chance(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value
    return (value ^ (value >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  return { below, oneIn: (count) => below(count) === 0, of: (list) => list[below(list.length)]! }
}

/** Text that parsers trip over. */
export const fragments: readonly string[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    "'",
    '\\',
    '\\u',
    '\\ud800',
    '-',
    '0',
    '1e9',
    '1e999',
    '-1',
    '0.5',
    'null',
    'true',
    'NaN',
    '\u0000',
  ],
  ...[
    '\n',
    '\t',
    '\r\n',
    '---',
    '- ',
    '? ',
    '& a',
    '*a',
    '<<: *a',
    '!!js/function',
    '!!binary',
    '|',
    '>',
    '%YAML 9.9',
    '# ',
    '\u2028',
    '\ud800',
  ],
  ...['__proto__', 'constructor', 'toString', 'dtype', 'r', 'lora_alpha', 'adapters', 'coefficient', 'é', '😀', '[[[[[[[[[[', '{"a":{"a":'],
  ...['9007199254740993', '9223372036854775808', '../../..', '/', '\\', 'x'.repeat(300), '(a+)+$', '(((((((((('],
]

/** Damages `text` in one to four places. */
export function damage(text: string, random: Chance): string {
  let result = text
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(result.length + 1)
    const piece = random.of(fragments)
    const kind = random.below(6)
    if (kind === 0) result = result.slice(0, at) + result.slice(at + 1 + random.below(8))
    else if (kind === 1) result = result.slice(0, at) + piece + result.slice(at)
    else if (kind === 2) result = result.slice(0, at) + String.fromCharCode(random.below(0x300)) + result.slice(at + 1)
    else if (kind === 3) result = result.slice(0, at) + result.slice(random.below(result.length + 1)).slice(0, 60) + result.slice(at)
    else if (kind === 4) result = result.slice(0, at)
    else result = result.slice(0, at) + piece + result.slice(at + piece.length)
  }
  return result
}

/** A value of JSON such as a stranger may put in the place of any other. */
export function oddValue(random: Chance, depth = 0): unknown {
  const plain: readonly unknown[] = [
    ...[
      null,
      true,
      false,
      0,
      -0,
      -1,
      1,
      0.5,
      1e308,
      -1e308,
      2 ** 31,
      2 ** 53,
      2 ** 64,
      '',
      'x',
      '__proto__',
      'LORA',
      '\u0000',
      '\ud800',
      'é',
    ],
    ...['a'.repeat(5000), '(a+)+$', '[', '../..', '/etc/passwd', [], {}, [[]], { a: [] }],
  ]
  if (depth > 3 || random.below(4) > 0) return random.of(plain)
  if (random.oneIn(60)) return nested(500)
  const items = Array.from({ length: random.below(5) }, () => oddValue(random, depth + 1))
  return random.oneIn(2)
    ? items
    : Object.fromEntries(items.map((item, index) => [random.of(['r', 'a', '1', '__proto__', 'dtype']) + index, item]))
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

/** Replaces, adds or removes a few fields somewhere inside `value`, which is not changed. */
export function oddFields(value: unknown, random: Chance, names: readonly string[] = []): unknown {
  if (random.oneIn(30)) return oddValue(random)
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => (random.oneIn(4) ? oddFields(item, random, names) : item))
    if (random.oneIn(4)) items.splice(random.below(items.length + 1), random.below(2), oddValue(random))
    return items
  }
  if (typeof value !== 'object' || value === null) return random.oneIn(2) ? oddValue(random) : value
  const fields = Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
    const kind = random.below(12)
    if (kind === 0) return []
    if (kind === 1) return [[name, oddValue(random)]]
    if (kind === 2) return [[name, oddFields(field, random, names)]]
    return [[name, field]]
  })
  if (random.oneIn(3)) fields.push([random.of([...names, 'x', 'constructor', '']), oddValue(random)])
  return Object.fromEntries(fields)
}
