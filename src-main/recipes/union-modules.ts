import type { AdapterModule } from '../contract/adapter.ts'
import type { MethodEntry } from '../contract/methods.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { FoundAdapter } from './find-adapters.ts'

/** One target module of the result and who brings something to it, in the recipe's order. */
export interface SharedModule {
  readonly name: string
  readonly layer: number | null
  readonly moduleKind: string
  readonly in: number
  readonly out: number
  readonly contributions: readonly Contribution[]
}
export interface Contribution {
  readonly adapter: FoundAdapter
  readonly module: AdapterModule
}

/** The union of the adapters' target modules: outside the layers first, then by layer, then by name. */
export function uniteModules(adapters: readonly FoundAdapter[]): readonly SharedModule[] {
  const byName = new Map<string, Contribution[]>()
  for (const adapter of adapters) {
    for (const module of adapter.detail.modules) {
      const contributions = byName.get(module.name)
      if (contributions) contributions.push({ adapter, module })
      else byName.set(module.name, [{ adapter, module }])
    }
  }
  return [...byName.values()].map(uniteOne).sort(inOrder)
}

/** Problems of modules that do not fit together: other shapes, other ranks or other modules where the method needs them equal. */
export function checkModules(method: MethodEntry, modules: readonly SharedModule[], adapters: readonly FoundAdapter[]): readonly Problem[] {
  return [
    ...checkShapes(modules),
    ...(method.needs.equalRanks ? checkRanks(method, modules) : []),
    ...(method.needs.sharedModules ? checkShared(method, modules, adapters) : []),
  ]
}

function uniteOne(contributions: readonly Contribution[]): SharedModule {
  const [first] = contributions
  if (!first) throw new Error('a module without a contribution')
  const { name, layer, moduleKind } = first.module
  return { name, layer, moduleKind, in: first.module.in, out: first.module.out, contributions }
}

function inOrder(left: SharedModule, right: SharedModule): number {
  const byLayer = (left.layer ?? -1) - (right.layer ?? -1)
  return byLayer !== 0 ? byLayer : left.name < right.name ? -1 : left.name > right.name ? 1 : 0
}

/** One problem for each adapter whose shapes differ from the first adapter that has the module; the first module stands for the others. */
function checkShapes(modules: readonly SharedModule[]): readonly Problem[] {
  const clashes = modules.flatMap((module) => {
    const [first, ...others] = module.contributions
    return others.filter((other) => first && !sameShape(first, other)).map((other) => ({ first: first!, other }))
  })
  return [...groupBy(clashes, ({ other }) => other.adapter.index).values()].map((group) => {
    const { first, other } = group[0]!
    const more = group.length === 1 ? '' : `, and ${group.length - 1} more modules differ`
    const theirs = `${shapeOf(other.module)} in ${other.adapter.detail.name}`
    const ours = `${shapeOf(first.module)} in ${first.adapter.detail.name}`
    return errorProblem('shape-mismatch', `${other.module.name} is ${theirs} but ${ours}${more}.`, {
      where: { field: `adapters[${other.adapter.index}].adapter`, value: other.adapter.detail.id, tensor: other.module.tensorA },
      allowed: [shapeOf(first.module)],
      hint: 'They were trained on different base models; merge adapters of one base model only.',
    })
  })
}

function sameShape(left: Contribution, right: Contribution): boolean {
  return (
    left.module.in === right.module.in && left.module.out === right.module.out && isEmbedding(left.module) === isEmbedding(right.module)
  )
}

/** Embedding factors are named without ".weight", and act the other way round (merge-methods.md 1.3). */
export function isEmbedding(module: AdapterModule): boolean {
  return module.tensorA.endsWith('.lora_embedding_A')
}

function shapeOf(module: AdapterModule): string {
  return `${module.out} x ${module.in}${isEmbedding(module) ? ' (embedding)' : ''}`
}

function checkRanks(method: MethodEntry, modules: readonly SharedModule[]): readonly Problem[] {
  const unequal = modules.filter(({ contributions }) => new Set(contributions.map(({ module }) => module.rank)).size > 1)
  const [first] = unequal
  if (!first) return []
  const ranks = first.contributions.map(({ adapter, module }) => `${module.rank} in ${adapter.detail.name}`).join(', ')
  const names = unequal.map((module) => module.name)
  const rest = names.length === 1 ? '' : `; also ${names.slice(1, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`
  return [
    errorProblem('ranks-differ', `${method.label} needs equal ranks, but the rank of ${first.name} is ${ranks}${rest}.`, {
      where: { field: 'method', value: method.id },
      hint: 'Use linear or concat, which take any ranks.',
    }),
  ]
}

function checkShared(method: MethodEntry, modules: readonly SharedModule[], adapters: readonly FoundAdapter[]): readonly Problem[] {
  const partial = modules.filter(({ contributions }) => contributions.length < adapters.length)
  const [first] = partial
  if (!first) return []
  const having = new Set(first.contributions.map(({ adapter }) => adapter.index))
  const lacking = adapters.filter(({ index }) => !having.has(index)).map(({ detail }) => detail.name)
  const more = partial.length === 1 ? '' : `, and ${partial.length - 1} more modules are not in every adapter`
  const message = `${method.label} needs the same target modules everywhere, but ${lacking.join(', ')} does not have ${first.name}${more}.`
  const hint = 'Use linear or concat, which take any target modules.'
  return [errorProblem('modules-differ', message, { where: { field: 'method', value: method.id }, hint })]
}

function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): ReadonlyMap<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const value of values) {
    const group = groups.get(keyOf(value))
    if (group) group.push(value)
    else groups.set(keyOf(value), [value])
  }
  return groups
}
