import type { AdapterModule, Dtype } from '../contract/adapter.ts'
import { placeOf } from './tensor-name.ts'

/**
 * Modules as one compact JSON text: an adapter has hundreds of them, alike in all but their names. `kinds` are the distinct shapes with rank,
 * alpha, scaling and dtype; `spellings` what stands around the module's name in the names of its factors; a row is name, kind, spelling.
 */
interface Packed {
  readonly kinds: readonly (readonly [number, number, number, number, number, Dtype])[]
  readonly spellings: readonly (readonly [prefix: string, endOfA: string, endOfB: string])[]
  readonly rows: readonly (readonly [name: string, kind: number, spelling: number])[]
}

/** One text for all modules, in their order, without norms. */
export function packModules(modules: readonly AdapterModule[]): string {
  const kinds = new Table<Packed['kinds'][number]>()
  const spellings = new Table<Packed['spellings'][number]>()
  const rows = modules.map((module) => {
    const { name, tensorA, tensorB } = module
    const at = tensorA.indexOf(name)
    const end = at + name.length
    const kind = kinds.add([module.in, module.out, module.rank, module.alpha, module.scaling, module.dtype])
    return [name, kind, spellings.add([tensorA.slice(0, at), tensorA.slice(end), tensorB.slice(end)])] as const
  })
  return JSON.stringify({ kinds: kinds.values, spellings: spellings.values, rows } satisfies Packed)
}

/** The modules that `packed` holds, with `norms` in the same order (null: not known yet). */
export function unpackModules(packed: string, norms: readonly (number | null)[] | null): AdapterModule[] {
  const { kinds, spellings, rows } = JSON.parse(packed) as Packed
  return rows.map(([name, kind, spelling], index) => {
    const [input, output, rank, alpha, scaling, dtype] = kinds[kind]!
    const [prefix, endOfA, endOfB] = spellings[spelling]!
    const { layer, moduleKind } = placeOf(name)
    return {
      ...{ name, layer, moduleKind, in: input, out: output, rank, alpha, scaling, dtype, norm: norms?.[index] ?? null },
      ...{ tensorA: `${prefix}${name}${endOfA}`, tensorB: `${prefix}${name}${endOfB}` },
    }
  })
}

/** Up to here looking through the rows is the fastest way; a strange file may have as many distinct ones as modules. */
const fewRows = 32

/** Distinct rows in the order in which they first came. */
class Table<Row extends readonly (string | number)[]> {
  readonly values: Row[] = []
  private readonly places = new Map<string, number>()

  add(row: Row): number {
    for (let i = 0; i < this.values.length && i < fewRows; i++) if (isSame(this.values[i]!, row)) return i
    if (this.values.length < fewRows) return this.values.push(row) - 1
    const key = row.join('\n')
    const known = this.places.get(key)
    if (known !== undefined) return known
    this.places.set(key, this.values.length)
    return this.values.push(row) - 1
  }
}

function isSame(left: readonly (string | number)[], right: readonly (string | number)[]): boolean {
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}
