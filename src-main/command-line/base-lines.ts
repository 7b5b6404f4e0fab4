import type { BaseModel } from '../contract/base-model.ts'
import { formatBytes, formatTable } from './format.ts'

/** Base models as a table. */
export function baseTable(bases: readonly BaseModel[]): readonly string[] {
  const rows = bases.map((base) => [
    base.name,
    base.status,
    base.family || '-',
    parametersText(base.parameters),
    formatBytes(base.weightBytes),
    String(base.adapters),
    base.id,
  ])
  return formatTable([['NAME', 'STATUS', 'FAMILY', 'PARAMETERS', 'SIZE', 'ADAPTERS', 'ID'], ...rows], [3, 4, 5])
}

/** Everything about one base model. */
export function baseFacts(base: BaseModel): readonly string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['id', base.id],
    ['name', base.name],
    ['path', base.path],
    ['status', base.status],
    ...(base.family === ''
      ? []
      : ([
          ['family', base.family],
          ['parameters', `${parametersText(base.parameters)} in ${base.dtype}, ${formatBytes(base.weightBytes)}`],
          ['layers', `${base.layers}, hidden ${base.hidden}, intermediate ${base.intermediate}`],
          ['heads', `${base.heads} of ${base.headDim}, ${base.kvHeads} for keys and values`],
          ['vocabulary', `${base.vocabulary}${base.tied ? ', tied embeddings' : ''}`],
          ['positions', String(base.maxPositions)],
          ['template', base.template === 'own' ? 'its own' : 'plain (it brings none)'],
          ...base.memory.map(
            ({ device, needs, free }) => [`memory ${device}`, `needs ${formatBytes(needs)}, ${formatBytes(free)} free`] as const,
          ),
          ['adapters', `${base.adapters} of the library fit`],
        ] as const)),
    ['content', base.contentHash ?? '-'],
  ]
  return formatTable(facts.map(([name, value]) => [name, value]))
}

/** 8.0B, 2.2M: as models are named. */
function parametersText(count: number): string {
  const [size, unit] = (
    [
      [1e9, 'B'],
      [1e6, 'M'],
      [1e3, 'k'],
    ] as const
  ).find(([least]) => count >= least) ?? [1, '']
  return unit === '' ? String(count) : `${(count / size).toFixed(1)}${unit}`
}
