/**
 * The safe part of Python's regular expressions: literals, ".", classes, \d \w \s \b and their opposites, groups, "|", "^", "$" and quantifiers.
 * Look-around, back references, inline flags and possessive quantifiers are refused. Patterns come from files of strangers, so they are never
 * given to a backtracking engine.
 */
export type PatternNode =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly assert: 'start' | 'end' | 'boundary' | 'no-boundary' }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly item: PatternNode; readonly min: number; readonly max: number }

/** Inclusive ranges of UTF-16 code units, or everything outside of them. */
export interface CharacterSet {
  readonly ranges: readonly (readonly [number, number])[]
  readonly negated: boolean
}

/** Longest pattern that is read. */
export const maxPatternLength = 4000
const maxNesting = 50
/** Largest number in {m,n}. */
const maxRepeat = 1000

export const anyCharacter: CharacterSet = { ranges: [[10, 10]], negated: true }
const digits = [[48, 57]] as const
const word = [[48, 57], [65, 90], [95, 95], [97, 122]] as const // prettier-ignore
const space = [[9, 13], [32, 32]] as const // prettier-ignore
const namedSets: Readonly<Record<string, CharacterSet>> = {
  d: { ranges: digits, negated: false },
  D: { ranges: digits, negated: true },
  w: { ranges: word, negated: false },
  W: { ranges: word, negated: true },
  s: { ranges: space, negated: false },
  S: { ranges: space, negated: true },
}
const asserts: Readonly<Record<string, 'start' | 'end' | 'boundary' | 'no-boundary'>> = {
  A: 'start',
  Z: 'end',
  b: 'boundary',
  B: 'no-boundary',
}
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 }

/** The tree of `pattern`, or in words why it is not read. */
export function parsePattern(pattern: string): PatternNode | { readonly refused: string } {
  if (pattern.length > maxPatternLength) return { refused: `it is longer than ${maxPatternLength} characters` }
  const reader = new PatternReader(pattern)
  try {
    return reader.whole()
  } catch (error) {
    if (error instanceof PatternError) return { refused: error.message }
    throw error
  }
}

class PatternError extends Error {}

/** A recursive-descent reader; it has a position, which is why it is a class. */
class PatternReader {
  private readonly text: string
  private at = 0
  private depth = 0

  constructor(text: string) {
    this.text = text
  }

  whole(): PatternNode {
    const node = this.choice()
    if (this.at < this.text.length) throw new PatternError('a ")" closes nothing')
    return node
  }

  private choice(): PatternNode {
    if (++this.depth > maxNesting) throw new PatternError('its groups are nested too deep')
    const options = [this.sequence()]
    while (this.accept('|')) options.push(this.sequence())
    this.depth -= 1
    return options.length === 1 ? options[0]! : { kind: 'choice', options }
  }

  private sequence(): PatternNode {
    const items: PatternNode[] = []
    while (this.at < this.text.length && this.peek() !== '|' && this.peek() !== ')') items.push(this.repeated(this.atom()))
    return items.length === 1 ? items[0]! : { kind: 'sequence', items }
  }

  private repeated(item: PatternNode): PatternNode {
    const bounds = this.quantifier()
    if (!bounds) return item
    if (item.kind === 'assert') throw new PatternError('an anchor is repeated')
    // Lazy or greedy makes no difference to whether the whole name matches.
    if (!this.accept('?') && this.peek() === '+') throw new PatternError('it uses a possessive quantifier')
    if (this.quantifier()) throw new PatternError('a quantifier follows another one')
    return { kind: 'repeat', item, ...bounds }
  }

  private quantifier(): { min: number; max: number } | null {
    if (this.accept('*')) return { min: 0, max: Infinity }
    if (this.accept('+')) return { min: 1, max: Infinity }
    if (this.accept('?')) return { min: 0, max: 1 }
    const counts = /^\{(\d*)(,?)(\d*)\}/.exec(this.text.slice(this.at, this.at + 16))
    if (!counts || (counts[1] === '' && counts[3] === '')) return null
    this.at += counts[0].length
    const min = Number(counts[1])
    const max = counts[2] === '' ? min : counts[3] === '' ? Infinity : Number(counts[3])
    if (min > max || min > maxRepeat || (max !== Infinity && max > maxRepeat))
      throw new PatternError('a number of repetitions is out of range')
    return { min, max }
  }

  private atom(): PatternNode {
    const character = this.text[this.at++] ?? ''
    if (character === '(') return this.group()
    if (character === '[') return { kind: 'set', set: this.characterClass() }
    if (character === '.') return { kind: 'set', set: anyCharacter }
    if (character === '^') return { kind: 'assert', assert: 'start' }
    if (character === '$') return { kind: 'assert', assert: 'end' }
    if (character === '*' || character === '+' || character === '?') throw new PatternError(`"${character}" repeats nothing`)
    if (character !== '\\') return literal(character.charCodeAt(0))
    const next = this.peek()
    if (Object.hasOwn(asserts, next)) {
      this.at += 1
      return { kind: 'assert', assert: asserts[next]! }
    }
    return { kind: 'set', set: this.escape() }
  }

  private group(): PatternNode {
    if (this.accept('?') && !this.accept(':')) {
      const named = /^P<[A-Za-z_]\w{0,63}>/.exec(this.text.slice(this.at, this.at + 70))
      if (!named) throw new PatternError('it looks around, refers back or sets flags')
      this.at += named[0].length
    }
    const node = this.choice()
    if (!this.accept(')')) throw new PatternError('a "(" is not closed')
    return node
  }

  private characterClass(): CharacterSet {
    const negated = this.accept('^')
    const ranges: (readonly [number, number])[] = []
    do {
      const from = this.classItem()
      if (from.negated) throw new PatternError('a class holds a negated class')
      const isRange = from.ranges.length === 1 && this.peek() === '-' && this.text[this.at + 1] !== ']'
      if (!isRange) {
        ranges.push(...from.ranges)
        continue
      }
      this.at += 1
      const [low, high] = [from.ranges[0]![0], this.classItem().ranges[0]![1]]
      if (low > high) throw new PatternError('a range of a class runs backwards')
      ranges.push([low, high])
    } while (!this.accept(']'))
    return { ranges, negated }
  }

  private classItem(): CharacterSet {
    if (this.at >= this.text.length) throw new PatternError('a "[" is not closed')
    if (this.accept('\\')) return this.escape()
    const code = this.text.charCodeAt(this.at++)
    return { ranges: [[code, code]], negated: false }
  }

  private escape(): CharacterSet {
    const next = this.text[this.at++] ?? ''
    if (Object.hasOwn(namedSets, next)) return namedSets[next]!
    const code = controls[next] ?? next.charCodeAt(0)
    if (next === '' || (/[A-Za-z0-9]/.test(next) && !Object.hasOwn(controls, next))) throw new PatternError(`"\\${next}" is not supported`)
    return { ranges: [[code, code]], negated: false }
  }

  private peek(): string {
    return this.text[this.at] ?? ''
  }

  private accept(wanted: string): boolean {
    if (this.peek() !== wanted) return false
    this.at += 1
    return true
  }
}

function literal(code: number): PatternNode {
  return { kind: 'set', set: { ranges: [[code, code]], negated: false } }
}
