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

/** Where a module lies by its name: index of its layer (null outside the layers), the path before it, and the last part of the name. */
export function placeOf(module: string): { readonly layer: number | null; readonly stack: string; readonly moduleKind: string } {
  const moduleKind = module.slice(module.lastIndexOf('.') + 1)
  const layer = /(?:^|\.)(\d{1,6})(?=\.)/.exec(module)
  if (!layer) return { layer: null, stack: module, moduleKind }
  return { layer: Number(layer[1]), stack: module.slice(0, layer.index), moduleKind }
}
