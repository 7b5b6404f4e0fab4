/** What a tensor is by its name (merge-methods.md 1.3). A and B are the factors; the others are extras with a meaning. */
export type TensorPart = 'A' | 'B' | 'magnitude' | 'bias-of-b'

export interface ParsedTensorName {
  /** Path of the target module inside the base model. */
  readonly module: string
  readonly part: TensorPart
}

const prefix = 'base_model.model.'
const marker = '.lora_'

/** The parts after ".lora_", with their written forms: with or without the adapter's name, and ".weight" where PEFT writes it. */
const suffixes: readonly (readonly [pattern: RegExp, part: TensorPart])[] = [
  [/^(?:embedding_)?A(?:\.[^.]+)?(?:\.weight)?$/, 'A'],
  [/^B(?:\.[^.]+)?\.bias$/, 'bias-of-b'],
  [/^(?:embedding_)?B(?:\.[^.]+)?(?:\.weight)?$/, 'B'],
  [/^magnitude_vector(?:\.[^.]+)?(?:\.weight)?$/, 'magnitude'],
]

/** The module and part that a tensor's name spells, or null for a tensor that is no part of a LoRA. */
export function parseTensorName(name: string): ParsedTensorName | null {
  const at = name.lastIndexOf(marker)
  if (at < 0) return null
  const module = name.startsWith(prefix) ? name.slice(prefix.length, at) : name.slice(0, at)
  const suffix = name.slice(at + marker.length)
  // The two spellings that nearly every file uses need no pattern.
  if (suffix === 'A.weight') return { module, part: 'A' }
  if (suffix === 'B.weight') return { module, part: 'B' }
  const known = suffixes.find(([pattern]) => pattern.test(suffix))
  return known ? { module, part: known[1] } : null
}

/** Where a module lies by its name. */
export interface ModulePlace {
  /** Index of its layer: the first part of the name that is a number; null outside the layers. */
  readonly layer: number | null
  /** The name up to the layer's number: modules of one stack belong to the same part of the base model. */
  readonly stack: string
  /** Last part of the name. */
  readonly moduleKind: string
}

const zero = 48
const nine = 57
const maxLayer = 999_999

/** Reads the place off a module's name. */
export function placeOf(module: string): ModulePlace {
  const lastDot = module.lastIndexOf('.')
  const moduleKind = module.slice(lastDot + 1)
  for (let from = 0; from <= lastDot; from = module.indexOf('.', from) + 1) {
    let number = 0
    let at = from
    for (let code = module.charCodeAt(at); code >= zero && code <= nine; code = module.charCodeAt(++at)) number = number * 10 + code - zero
    if (at > from && module[at] === '.' && number <= maxLayer) return { layer: number, stack: module.slice(0, from), moduleKind }
  }
  return { layer: null, stack: module, moduleKind }
}
