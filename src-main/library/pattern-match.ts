import { anyCharacter, parsePattern, type CharacterSet, type PatternNode } from './pattern-syntax.ts'

/** Work left for matching the patterns of one adapter, in steps; shared by all its patterns and counted down. */
export interface StepBudget {
  steps: number
}
/** Steps allowed for one adapter: far more than any real config needs, and well under a second. */
export const stepsPerAdapter = 20_000_000

/** Whether a whole name matches; null when the budget ran out first. */
export type NameMatcher = (name: string) => boolean | null

type Instruction =
  | { readonly op: 'set'; readonly set: CharacterSet }
  | { readonly op: 'assert'; readonly assert: 'start' | 'end' | 'boundary' | 'no-boundary' }
  | { readonly op: 'jump'; readonly targets: number[] }
  | { readonly op: 'match' }

const maxInstructions = 20_000

/** A matcher for PEFT's pattern keys: `(.*\.)?(key)$` from the start of the name (merge-methods.md 1.2). Or why the key is refused. */
export function keyMatcher(key: string, budget: StepBudget): NameMatcher | { readonly refused: string } {
  if (/^[\w.-]+$/.test(key)) return (name) => endsWithWildcards(name, key)
  const node = parsePattern(key)
  if ('refused' in node) return node
  const prefix: PatternNode = {
    kind: 'repeat',
    min: 0,
    max: 1,
    item: {
      kind: 'sequence',
      items: [
        { kind: 'repeat', min: 0, max: Infinity, item: { kind: 'set', set: anyCharacter } },
        { kind: 'set', set: { ranges: [[46, 46]], negated: false } },
      ],
    },
  }
  return compile({ kind: 'sequence', items: [prefix, node] }, budget)
}

/** A matcher of whole names for a pattern of target_modules given as text. Or why it is refused. */
export function fullMatcher(pattern: string, budget: StepBudget): NameMatcher | { readonly refused: string } {
  const node = parsePattern(pattern)
  return 'refused' in node ? node : compile(node, budget)
}

/** For keys of letters and dots only: the key is the name's end, after a dot or at its start, and "." stands for any character. */
function endsWithWildcards(name: string, key: string): boolean {
  const start = name.length - key.length
  if (start < 0 || (start > 0 && name[start - 1] !== '.')) return false
  for (let i = key.length - 1; i >= 0; i--) if (key[i] !== '.' && key[i] !== name[start + i]) return false
  return true
}

/** All ways through the pattern are followed at once, character by character, so that time grows with name times pattern and no faster. */
function compile(node: PatternNode, budget: StepBudget): NameMatcher | { readonly refused: string } {
  const program: Instruction[] = []
  if (!emit(node, program)) return { refused: 'its repetitions are too large' }
  program.push({ op: 'match' })
  return createRunner(program, budget)
}

/** Appends the instructions of `node`, at least one (so that repeating nothing has an end too); false when there are too many. */
function emit(node: PatternNode, program: Instruction[]): boolean {
  if (program.length > maxInstructions) return false
  if (node.kind === 'sequence' && node.items.length === 0) program.push({ op: 'jump', targets: [program.length + 1] })
  else if (node.kind === 'set') program.push({ op: 'set', set: node.set })
  else if (node.kind === 'assert') program.push({ op: 'assert', assert: node.assert })
  else if (node.kind === 'sequence') return node.items.every((item) => emit(item, program))
  else if (node.kind === 'choice') return emitChoice(node.options, program)
  else return emitRepeat(node, program)
  return true
}

function emitChoice(options: readonly PatternNode[], program: Instruction[]): boolean {
  const fork: number[] = []
  program.push({ op: 'jump', targets: fork })
  const ends: number[][] = []
  for (const option of options) {
    fork.push(program.length)
    if (!emit(option, program)) return false
    const end: number[] = []
    program.push({ op: 'jump', targets: end })
    ends.push(end)
  }
  for (const end of ends) end.push(program.length)
  return true
}

function emitRepeat(node: Extract<PatternNode, { kind: 'repeat' }>, program: Instruction[]): boolean {
  for (let i = 0; i < node.min; i++) if (!emit(node.item, program)) return false
  if (node.max === Infinity) {
    const fork = [program.length + 1]
    const start = program.length
    program.push({ op: 'jump', targets: fork })
    if (!emit(node.item, program)) return false
    program.push({ op: 'jump', targets: [start] })
    fork.push(program.length)
    return true
  }
  const forks: number[][] = []
  for (let i = node.min; i < node.max; i++) {
    const fork = [program.length + 1]
    forks.push(fork)
    program.push({ op: 'jump', targets: fork })
    if (!emit(node.item, program)) return false
  }
  for (const fork of forks) fork.push(program.length)
  return true
}

/** Runs a program over names. The arrays are made once for each pattern; `marks` says at which step a state was last reached. */
function createRunner(program: readonly Instruction[], budget: StepBudget): NameMatcher {
  const marks = new Int32Array(program.length)
  let mark = 0

  /** The states reached from `open` at position `at` without reading a character; empties `open`. */
  function follow(open: number[], name: string, at: number): number[] {
    const reached: number[] = []
    mark += 1
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (marks[state] === mark) continue
      marks[state] = mark
      if (--budget.steps < 0) return reached
      const instruction = program[state]!
      if (instruction.op === 'jump') for (const target of instruction.targets) open.push(target)
      else if (instruction.op !== 'assert') reached.push(state)
      else if (holds(instruction.assert, name, at)) open.push(state + 1)
    }
    return reached
  }

  return (name) => {
    let states = follow([0], name, 0)
    for (let at = 0; at < name.length; at++) {
      const code = name.charCodeAt(at)
      const next: number[] = []
      for (const state of states) {
        const instruction = program[state]!
        if (instruction.op === 'set' && contains(instruction.set, code)) next.push(state + 1)
      }
      states = follow(next, name, at + 1)
      if (budget.steps < 0) return null
      if (states.length === 0) return false
    }
    return states.some((state) => program[state]!.op === 'match')
  }
}

function holds(assert: 'start' | 'end' | 'boundary' | 'no-boundary', name: string, at: number): boolean {
  if (assert === 'start') return at === 0
  if (assert === 'end') return at === name.length
  const boundary = isWord(name[at - 1]) !== isWord(name[at])
  return assert === 'boundary' ? boundary : !boundary
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /\w/.test(character)
}

function contains(set: CharacterSet, code: number): boolean {
  for (const [low, high] of set.ranges) if (code >= low && code <= high) return !set.negated
  return set.negated
}
