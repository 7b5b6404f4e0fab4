import type { BaseModel } from '../contract/base-model.ts'

/** A target module as far as fitting goes: its name, and columns and rows of the base matrix that its update is added to. */
export interface FittedModule {
  readonly name: string
  readonly in: number
  readonly out: number
}

/** The sides of a base model that its linear layers follow from. */
export type BaseShape = Pick<BaseModel, 'layers' | 'hidden' | 'intermediate' | 'heads' | 'kvHeads' | 'headDim'>

const linearLayer = /^model\.layers\.(\d+)\.(?:self_attn\.([qkvo])_proj|mlp\.(gate|up|down)_proj)$/

/** Sides of the linear layer of that name in every family that is supported; null for any other name. */
export function sidesOf(base: BaseShape, name: string): { readonly in: number; readonly out: number } | null {
  const [, layer, attention, mlp] = linearLayer.exec(name) ?? []
  if (layer === undefined || Number(layer) >= base.layers) return null
  const { hidden, intermediate, heads, kvHeads, headDim } = base
  switch (attention ?? mlp) {
    case 'q':
      return { in: hidden, out: heads * headDim }
    case 'k':
    case 'v':
      return { in: hidden, out: kvHeads * headDim }
    case 'o':
      return { in: heads * headDim, out: hidden }
    case 'down':
      return { in: intermediate, out: hidden }
    default:
      return { in: hidden, out: intermediate }
  }
}

/** Null when every target module of an adapter is a linear layer of the base model with the same sides; else why not, with the first other one. */
export function fitsBase(modules: readonly FittedModule[], base: BaseShape): string | null {
  if (modules.length === 0) return 'It has no target modules.'
  const others = modules.filter((module) => {
    const sides = sidesOf(base, module.name)
    return sides === null || sides.in !== module.in || sides.out !== module.out
  })
  const [first] = others
  if (!first) return null
  const sides = sidesOf(base, first.name)
  const found = sides === null ? 'has no such linear layer' : `has ${shapeText(sides)} there`
  const more = others.length === 1 ? '' : `, and ${others.length - 1} more of its ${modules.length} modules differ`
  return `Its module ${first.name} is for ${shapeText(first)}; the base model ${found}${more}.`
}

/** Rows and columns of a matrix: "4096 x 1024". */
export function shapeText({ in: input, out }: Pick<FittedModule, 'in' | 'out'>): string {
  return `${out} x ${input}`
}
